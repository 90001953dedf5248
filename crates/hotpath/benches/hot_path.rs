//! Times of the steps that `./test guards` counts, and of what stands beside the hot path.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use hamhame::token::{Proof, Sealer};
use hamhame_core::id::Id;
use hamhame_core::name::{Name, RoomName};
use hamhame_hotpath::sample;
use hamhame_hotpath::steps::STEPS;

fn hot_path(criterion: &mut Criterion) {
    for step in STEPS {
        criterion.bench_function(step.name, |bencher| {
            let mut work = (step.set_up)();
            bencher.iter_custom(|times| {
                let mut sum = Duration::ZERO;
                let mut left = times;
                while left > 0 {
                    let now = left.min(step.at_once as u64);
                    work.prepare(now as usize);
                    let begin = Instant::now();
                    work.run(now as usize);
                    sum += begin.elapsed();
                    left -= now;
                }
                sum
            });
        });
    }
}

fn names(criterion: &mut Criterion) {
    criterion.bench_function("name of a person", |bencher| {
        bencher.iter(|| Name::parse(black_box(sample::NAME)));
    });
    criterion.bench_function("name of a room", |bencher| {
        bencher.iter(|| RoomName::parse(black_box(sample::ROOM)));
    });
    criterion.bench_function("name of a person, percent-encoded", |bencher| {
        bencher.iter(|| Name::from_path(black_box("%D9%85%D8%B1%DB%8C%D9%85")));
    });
}

fn tokens(criterion: &mut Criterion) {
    let sealer = Sealer::new(Some("a secret of the operator")).unwrap();
    let room = RoomName::parse(sample::ROOM).unwrap();
    let name = Name::parse(sample::NAME).unwrap();
    let proof = Proof { session: Id::new(1), member: Id::new(2) };
    let token = sealer.seal(proof, &room, &name);
    criterion.bench_function("token, sealed", |bencher| {
        bencher.iter(|| sealer.seal(black_box(proof), &room, &name));
    });
    criterion.bench_function("token, opened", |bencher| {
        bencher.iter(|| sealer.open(black_box(&token), &room, &name));
    });
}

criterion_group!(benches, hot_path, names, tokens);
criterion_main!(benches);
