//! What must hold of any text message that reaches the command decoder.

use hamhame_core::command::{Command, CommandError};
use hamhame_core::decode::decode;
use hamhame_core::dialect::Dialect;
use hamhame_core::text::{TextLimits, clean};
use serde_json::json;

/// Checks one input: a byte that chooses the dialect, then the text. Returns whether it is a command.
pub fn check(input: &[u8]) -> bool {
    let Some((&dialect, bytes)) = input.split_first() else {
        return false;
    };
    // What is not UTF-8 ends at the frames.
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let dialect = if dialect & 1 == 0 { Dialect::Seed } else { Dialect::V1 };
    match decode(dialect, text) {
        Ok(Some(command)) => {
            check_command(dialect, &command, text.len());
            true
        }
        Ok(None) => {
            assert_eq!(dialect, Dialect::Seed, "only the seed dialect ignores messages");
            false
        }
        Err(error) => {
            assert_eq!(dialect, Dialect::V1, "the seed dialect takes everything");
            check_error(&error);
            false
        }
    }
}

/// A command means the same if it is written and decoded again, and has not grown.
fn check_command(dialect: Dialect, command: &Command<'_>, input_len: usize) {
    let written = match command {
        Command::Join { token, after, attempt, history } => {
            let after = after.as_ref().map(ToString::to_string);
            let mut message = json!({"type": "join"});
            if let Some(token) = token {
                message["token"] = json!(token);
            }
            if let Some(after) = after {
                message["after"] = json!(after);
            }
            if let Some(attempt) = attempt {
                message["attempt"] = json!(attempt);
            }
            if let Some(history) = history {
                message["history"] = json!(history);
            }
            message
        }
        Command::Send { id: Some(id), content } => {
            assert!((1..=64).contains(&id.len()) && id.is_ascii());
            check_content(content, input_len, 1);
            json!({"type": "send", "id": id, "content": content})
        }
        Command::Send { id: None, content } => {
            assert_eq!(dialect, Dialect::Seed);
            // Python's way to write a value may take some bytes more: 1e15 becomes 1000000000000000.0.
            check_content(content, input_len, 8);
            json!({"content": content})
        }
        Command::Typing(typing) => json!({"type": "typing", "typing": typing}),
        Command::Heartbeat => json!({"type": "heartbeat"}),
    };
    let written = written.to_string();
    assert_eq!(decode(dialect, &written), Ok(Some(command.clone())), "{written}");
}

fn check_content(content: &str, input_len: usize, growth: usize) {
    assert!(content.len() <= input_len * growth, "{input_len} bytes became {}", content.len());
    let limits = TextLimits { graphemes: 100, bytes: 400 };
    if let Ok(cleaned) = clean(content, &limits) {
        assert!(cleaned.len() <= limits.bytes);
        assert_eq!(
            clean(&cleaned, &limits).as_deref(),
            Ok(&*cleaned),
            "cleaning is not done at once"
        );
    }
}

/// An error is safe to send back: short, and with an `id` only if that was a valid one.
fn check_error(error: &CommandError) {
    assert!(!error.message.is_empty());
    assert!(error.message.len() <= 600, "{} bytes: {error}", error.message.len());
    assert!(error.id.as_ref().is_none_or(|id| (1..=64).contains(&id.len()) && id.is_ascii()));
}
