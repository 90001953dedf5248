//! No text makes the command decoder panic, grow without bound, or mean two things.

use crate::checks::command::check;
use crate::checks::random::Random;

#[test]
fn any_text_is_a_command_or_is_refused_for_a_reason() {
    crate::runner::run("command", 100_000, check, message);
}

/// An input for [`check`]: JSON that is a command or nearly one, mostly damaged, or noise.
fn message(random: &mut Random) -> Vec<u8> {
    let mut input = vec![random.next() as u8];
    let mut text = match random.below(60) {
        0 => {
            let len = random.length();
            random.bytes(len)
        }
        1..=3 => {
            let len = random.length();
            random.text(len).into_bytes()
        }
        4 => nested(random).into_bytes(),
        _ => object(random).into_bytes(),
    };
    for _ in 0..random.below(4) {
        match random.below(3) {
            0 => random.mutate(&mut text),
            _ => splice_token(random, &mut text),
        }
    }
    input.extend(text);
    input
}

const NAMES: &[&str] = &["type", "id", "content", "token", "after", "typing", r"conten\u0074", "x"];

const VALUES: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1e15",
    "-1.5E-7",
    "1e999",
    "NaN",
    "-Infinity",
    "12345678901234567890123",
    r#""\ud83d\ude00""#,
    r#""\udc00""#,
    r#""\u0000'\n""#,
    "\"\u{202e}\u{200c}\"",
    "\"'\"",
];

const TOKENS: &[&str] =
    &["{", "}", "[", "]", ",", ":", "\"", "\\", "\\u", "\\ud83d", "\0", "\r\n", "  "];

fn object(random: &mut Random) -> String {
    let mut members = vec![match random.below(6) {
        0 => r#""type":"join","token":"t0ken","after":"k3J9x0aQ2Zc:41""#.to_owned(),
        1 => format!(r#""type":"typing","typing":{}"#, random.below(2) == 0),
        2 => r#""type":"heartbeat""#.to_owned(),
        _ => {
            let len = random.length();
            let content = serde_json::Value::from(random.text(len));
            format!(r#""type":"send","id":"c{len}","content":{content}"#)
        }
    }];
    for _ in 0..random.below(3) {
        let member = format!("\"{}\":{}", random.choose(NAMES), value(random, 3));
        let at = random.below(members.len() + 1);
        members.insert(at, member);
    }
    format!("{{{}}}", members.join(","))
}

fn value(random: &mut Random, depth: usize) -> String {
    match random.below(8) {
        0 if depth > 0 => format!("[{}, {}]", value(random, depth - 1), value(random, depth - 1)),
        1 if depth > 0 => {
            format!("{{\"{}\": {}}}", random.choose(NAMES), value(random, depth - 1))
        }
        _ => random.choose(VALUES).to_owned(),
    }
}

/// Values nested so deep that a decoder that follows them without a bound runs out of stack.
fn nested(random: &mut Random) -> String {
    let depth = random.choose(&[10, 100, 126, 127, 128, 129, 130, 200, 500, 9_000]);
    let (open, close) = random.choose(&[("[", "]"), ("{\"content\":", "}")]);
    let inner = random.choose(VALUES);
    let mut text =
        format!("{{\"type\":\"send\",\"id\":\"c\",\"content\":{}{inner}", open.repeat(depth));
    if random.below(2) == 0 {
        text.push_str(&close.repeat(depth));
        text.push('}');
    }
    text
}

fn splice_token(random: &mut Random, text: &mut Vec<u8>) {
    let at = random.below(text.len() + 1);
    text.splice(at..at, random.choose(TOKENS).bytes());
}
