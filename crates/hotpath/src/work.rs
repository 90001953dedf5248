//! What is measured: one step with its input, done again and again.

/// How a step is done.
pub trait Work {
    /// Makes what the next `times` runs use up, and clears away what the last ones left. Not measured.
    fn prepare(&mut self, times: usize);

    /// Does the step `times` times. Measured.
    fn run(&mut self, times: usize);
}

/// A step that takes its input as it is, time after time.
pub fn plain(mut act: impl FnMut() + 'static) -> Box<dyn Work> {
    consuming(|| (), move |()| act())
}

/// A step that uses up or changes its input: `make` makes one for each time. What `act` leaves of it is dropped outside of
/// what is measured.
pub fn consuming<T: 'static>(
    make: impl FnMut() -> T + 'static,
    act: impl FnMut(&mut T) + 'static,
) -> Box<dyn Work> {
    Box::new(Consuming { make, act, inputs: Vec::new() })
}

struct Consuming<T, Make, Act> {
    make: Make,
    act: Act,
    inputs: Vec<T>,
}

impl<T, Make: FnMut() -> T, Act: FnMut(&mut T)> Work for Consuming<T, Make, Act> {
    fn prepare(&mut self, times: usize) {
        self.inputs.clear();
        self.inputs.extend((0..times).map(|_| (self.make)()));
    }

    fn run(&mut self, times: usize) {
        for input in &mut self.inputs[..times] {
            (self.act)(input);
        }
    }
}
