//! Which sockets are ready: epoll, level-triggered, with time-outs in nanoseconds so that an open loop
//! can keep its schedule without spinning.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// What a socket is watched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Nothing but its end.
    Nothing,
    /// Bytes to read.
    Read,
    /// Space to write; a connection that is being made says so when it is made.
    Write,
    /// Both.
    Both,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Self::Nothing => EventFlags::empty(),
            Self::Read => EventFlags::IN,
            Self::Write => EventFlags::OUT,
            Self::Both => EventFlags::IN | EventFlags::OUT,
        }
    }
}

/// A socket is ready.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    /// The token it was registered with.
    pub token: usize,
    /// There are bytes, the end, or an error to read.
    pub readable: bool,
    /// There is space, or an error.
    pub writable: bool,
}

/// A set of sockets to wait for.
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
}

/// The most sockets that one [`Poller::wait`] reports: few enough that timers between two are kept.
const MAX_READY: usize = 512;

impl Poller {
    /// An empty set.
    ///
    /// # Errors
    ///
    /// The system gives no epoll instance.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self { epoll })
    }

    /// Watches `source` and reports it as `token`. Closing it ends that.
    ///
    /// # Errors
    ///
    /// As epoll reports them.
    pub fn add(&self, source: impl AsFd, token: usize, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, source, EventData::new_u64(token as u64), interest.flags())?)
    }

    /// Watches `source` for something else.
    ///
    /// # Errors
    ///
    /// As epoll reports them.
    pub fn change(&self, source: impl AsFd, token: usize, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, source, EventData::new_u64(token as u64), interest.flags())?)
    }

    /// Waits until a socket is ready or `timeout` has passed (`None`: as long as it takes), and writes what
    /// is ready to `ready`.
    ///
    /// # Errors
    ///
    /// As epoll reports them; an interrupted wait is an empty one.
    pub fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        ready.clear();
        let mut events = [const { MaybeUninit::<Event>::uninit() }; MAX_READY];
        let timeout = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().min(3600) as i64,
            tv_nsec: i64::from(timeout.subsec_nanos()),
        });
        let events = match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let failed = EventFlags::ERR | EventFlags::HUP;
        ready.extend(events.iter().map(|event| {
            let flags = event.flags;
            Ready {
                token: event.data.u64() as usize,
                readable: flags.intersects(EventFlags::IN | failed),
                writable: flags.intersects(EventFlags::OUT | failed),
            }
        }));
        Ok(())
    }
}
