//! Step 3 of a message's way: what a member asks for is done. A [`Command`] comes in, a reply goes out.

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hamhame_core::codes::ErrorCode;
use hamhame_core::command::Command;
use hamhame_core::decode;
use hamhame_core::dialect::Dialect;
use hamhame_core::limits::TokenBucket;
use hamhame_core::text::{self, TextError};

use crate::clock;
use crate::delivery::reply;
use crate::room::Room;
use crate::room::intent::{Said, Saying};
use crate::session::allowance::Allowance;
use crate::session::conversation::{Conversation, Ending, Flow};
use crate::session::pending::Pending;
use crate::session::refused::{Refused, write_refusal};
use crate::session::{Session, Talk};

impl Session {
    /// Does what the client asks, and appends the reply to `out`.
    pub fn apply(&mut self, command: Command<'_>, out: &mut Vec<u8>) -> Flow {
        match command {
            Command::Send { id, content } => match self.say(id.as_deref(), &content) {
                Ok(said) => self.answer(id.as_deref(), said, out),
                Err(refused) => self.tell(out, &refused, id.as_deref()),
            },
            Command::Join { .. } => {
                let words = "this session has joined already";
                self.tell(out, &Refused::new(ErrorCode::AlreadyJoined, words), None)
            }
            command => match self.take_command() {
                Some(flow) => flow,
                None => self.note(&command, out),
            },
        }
    }

    /// Tells what became of a message, or will when it is known.
    fn answer(&mut self, id: Option<&str>, said: Option<Said>, out: &mut Vec<u8>) -> Flow {
        match said {
            None => Flow::Continue,
            Some(Said::Pending(answer)) => {
                self.talk().pending.push(id, answer);
                Flow::Continue
            }
            Some(Said::Done(offset)) => self.told(id, Some(offset), out),
            Some(Said::Away) => self.told(id, None, out),
        }
    }

    /// Tells what became of a message: its offset, or that it may be said again.
    fn told(&mut self, id: Option<&str>, offset: Option<u64>, out: &mut Vec<u8>) -> Flow {
        match (offset, id) {
            (Some(offset), Some(id)) if self.dialect == Dialect::V1 => reply::ack(out, id, offset),
            (Some(_), _) => {}
            // Whoever waits for the answer says it again where the next server is.
            (None, _) if self.server.is_draining() => {}
            (None, id) => return self.tell(out, &Refused::away(), id),
        }
        Flow::Continue
    }

    fn talk(&mut self) -> &mut Talk {
        let options = &self.server.options;
        self.talk.get_or_insert_with(|| {
            Box::new(Talk { allowance: Allowance::new(options), pending: Pending::default() })
        })
    }

    fn note(&self, command: &Command<'_>, out: &mut Vec<u8>) -> Flow {
        match command {
            Command::Typing(typing) => self.set_typing(*typing),
            _ => reply::heartbeat(out, self.room.position()),
        }
        Flow::Continue
    }

    /// Notes that the member is writing or has stopped.
    pub fn set_typing(&self, typing: bool) {
        self.server.broker.set_typing(&self.room, self.member, typing, clock::now());
    }

    /// Says something, and gives what became of it. `None` if there is nothing to say, in the dialect of the seeds.
    ///
    /// # Errors
    /// If it is too much, too long or empty.
    pub fn say(&mut self, id: Option<&str>, content: &str) -> Result<Option<Said>, Refused> {
        let now = clock::uptime();
        if let Err(wait) = self.take(now, |allowance| &mut allowance.messages) {
            return Err(Refused::for_now("Too many messages at once.", wait));
        }
        if let Err(wait) = self.client.take_message(now) {
            return Err(Refused::for_now("Too many messages at once from your address.", wait));
        }
        let content = match text::clean(content, &self.server.options.text_limits()) {
            Ok(content) => content,
            Err(TextError::Empty) if self.dialect == Dialect::Seed => return Ok(None),
            Err(error) => {
                let code = match error {
                    TextError::Empty => ErrorCode::Empty,
                    _ => ErrorCode::TooLong,
                };
                return Err(Refused::new(code, error.to_string()));
            }
        };
        let saying = Saying {
            member: self.member,
            id,
            name: &self.name,
            content: &content,
            at: clock::now(),
        };
        let said = self.server.broker.say(&self.room, saying);
        if !matches!(said, Said::Away) {
            self.server.metrics.said();
        }
        Ok(Some(said))
    }

    /// Counts a request that is no message, where there is no connection to end for it.
    ///
    /// # Errors
    /// If there were too many.
    pub fn count_request(&mut self) -> Result<(), Refused> {
        self.take(clock::uptime(), |allowance| &mut allowance.commands)
            .map_err(|wait| Refused::for_now("Too many requests at once.", wait))
    }

    /// Tells a refusal, or ends the connection of one who does not care.
    fn tell(&mut self, out: &mut Vec<u8>, refused: &Refused, id: Option<&str>) -> Flow {
        self.server.metrics.refused();
        if self.take(clock::uptime(), |allowance| &mut allowance.refusals).is_err() {
            return Flow::too_many();
        }
        write_refusal(out, self.dialect, self.room.name(), &refused.refusal(id));
        Flow::Continue
    }

    /// Counts a command that is no message. `Some` if there were too many.
    fn take_command(&mut self) -> Option<Flow> {
        let taken = self.take(clock::uptime(), |allowance| &mut allowance.commands);
        taken.is_err().then(Flow::too_many)
    }

    /// Takes one of what `of` names, or says after how long there is one.
    fn take(
        &mut self,
        now: Duration,
        of: fn(&mut Allowance) -> &mut TokenBucket,
    ) -> Result<(), Duration> {
        if !self.server.options.limited() {
            return Ok(());
        }
        of(&mut self.talk().allowance).try_take(now)
    }
}

impl Conversation for Session {
    fn pressed(&self) -> Option<&Arc<Room>> {
        Some(&self.room).filter(|room| room.is_pressed())
    }

    fn is_full(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.pending.is_full())
    }

    fn poll_answer(&mut self, context: &mut Context<'_>, out: &mut Vec<u8>) -> Poll<Flow> {
        let Some(talk) = &mut self.talk else { return Poll::Pending };
        let (id, offset) = ready!(talk.pending.poll_first(context));
        Poll::Ready(self.told(id.as_deref(), offset, out))
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) -> Flow {
        match decode::decode(self.dialect, text) {
            Ok(Some(command)) => self.apply(command, out),
            Ok(None) => self.take_command().unwrap_or(Flow::Continue),
            Err(error) => {
                let refused = Refused::new(error.code, error.message);
                self.tell(out, &refused, error.id.as_deref())
            }
        }
    }

    fn ping(&mut self) -> Flow {
        self.take_command().unwrap_or(Flow::Continue)
    }

    fn over(&mut self, ending: Ending) {
        self.part(ending);
    }
}
