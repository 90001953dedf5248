//! Reads JavaScript as far as joining modules needs it: what is a comment, and what stands at the top of a module.

/// A line without comments and indent. One that ends inside a template literal goes on to the line that closes it.
#[derive(Debug, PartialEq)]
pub struct Line {
    /// Its text.
    pub text: String,
    /// Whether it begins outside of every bracket.
    pub top: bool,
}

/// Words behind which a slash begins a regular expression; behind any other it divides.
const BEFORE_EXPRESSION: [&str; 15] = [
    "await",
    "case",
    "default",
    "delete",
    "do",
    "else",
    "extends",
    "in",
    "instanceof",
    "of",
    "return",
    "throw",
    "typeof",
    "void",
    "yield",
];

struct Scanner<'a> {
    rest: &'a str,
    /// Open brackets as what closes them; `$` stands for `${` in a template literal.
    open: Vec<char>,
    line: String,
    top: bool,
    lines: Vec<Line>,
}

/// The lines of a module that are not empty. Errors say what does not close.
pub fn lines(source: &str) -> Result<Vec<Line>, String> {
    let mut scanner = Scanner {
        rest: source,
        open: Vec::new(),
        line: String::new(),
        top: true,
        lines: Vec::new(),
    };
    while let Some(next) = scanner.rest.chars().next() {
        scanner.step(next)?;
    }
    scanner.end_line();
    match scanner.open.last() {
        Some(missing) => Err(format!("{missing:?} is missing at the end")),
        None => Ok(scanner.lines),
    }
}

impl Scanner<'_> {
    fn step(&mut self, next: char) -> Result<(), String> {
        if let Some(comment) = self.rest.strip_prefix("//") {
            self.rest = &comment[comment.find('\n').unwrap_or(comment.len())..];
            return Ok(());
        }
        if self.rest.starts_with("/*") {
            return self.skip_comment();
        }
        match next {
            '\n' => {
                self.end_line();
                self.rest = &self.rest[1..];
            }
            '"' | '\'' => self.quoted(next)?,
            '/' if self.begins_expression() => self.expression()?,
            '`' => {
                self.take(1);
                self.template()?;
            }
            '(' | '[' | '{' => {
                self.open.push(match next {
                    '(' => ')',
                    '[' => ']',
                    _ => '}',
                });
                self.take(1);
            }
            ')' | ']' | '}' => self.close(next)?,
            _ => self.take(next.len_utf8()),
        }
        Ok(())
    }

    /// Moves some bytes of the source into the line.
    fn take(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at(bytes);
        if !(self.line.is_empty() && taken.trim().is_empty()) {
            if self.line.is_empty() {
                // An opening bracket is counted before it is taken.
                let opens = usize::from(taken.starts_with(['(', '[', '{']));
                self.top = self.open.len() == opens;
            }
            self.line.push_str(taken);
        }
        self.rest = rest;
    }

    fn end_line(&mut self) {
        let text = self.line.trim_end().to_owned();
        self.line.clear();
        if !text.is_empty() {
            self.lines.push(Line { text, top: self.top });
        }
    }

    fn skip_comment(&mut self) -> Result<(), String> {
        let end = self.rest.find("*/").ok_or("a comment does not end")?;
        // A line break inside ends a statement as one outside does.
        if self.rest[..end].contains('\n') {
            self.end_line();
        } else if !self.line.is_empty() {
            self.line.push(' ');
        }
        self.rest = &self.rest[end + 2..];
        Ok(())
    }

    fn close(&mut self, bracket: char) -> Result<(), String> {
        match self.open.pop() {
            Some(expected) if expected == bracket => {
                self.take(1);
                Ok(())
            }
            Some('$') if bracket == '}' => {
                self.take(1);
                self.template()
            }
            other => Err(format!("{bracket:?} where {other:?} closes: {}", self.line)),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<(), String> {
        let end =
            end_of(&self.rest[1..], |c| c == quote).ok_or_else(|| self.unfinished("a string"))?;
        self.take(end + 2);
        Ok(())
    }

    /// A regular expression. A slash in a class does not end it.
    fn expression(&mut self) -> Result<(), String> {
        let mut class = false;
        let ends = |c: char| {
            class = c == '[' || (class && c != ']');
            c == '/' && !class
        };
        let end =
            end_of(&self.rest[1..], ends).ok_or_else(|| self.unfinished("a regular expression"))?;
        self.take(end + 2);
        Ok(())
    }

    /// The text of a template literal up to its end or to the next `${`.
    fn template(&mut self) -> Result<(), String> {
        let mut escaped = false;
        let mut characters = self.rest.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            if escaped {
                escaped = false;
            } else if character == '\\' {
                escaped = true;
            } else if character == '`' {
                self.take(at + 1);
                return Ok(());
            } else if character == '$' && characters.peek().is_some_and(|(_, next)| *next == '{') {
                self.take(at + 2);
                self.open.push('$');
                return Ok(());
            }
        }
        Err(self.unfinished("a template literal"))
    }

    /// Whether a slash at this place begins a regular expression.
    fn begins_expression(&self) -> bool {
        let before = self.line.trim_end();
        let before = if before.is_empty() {
            self.lines.last().map_or("", |line| line.text.as_str())
        } else {
            before
        };
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        match before.chars().last() {
            None => true,
            Some(')' | ']' | '}' | '"' | '\'' | '`') => false,
            Some(last) if is_word(last) => {
                let word = before.rsplit(|c| !is_word(c)).next().unwrap_or_default();
                BEFORE_EXPRESSION.contains(&word)
            }
            Some(_) => true,
        }
    }

    fn unfinished(&self, what: &str) -> String {
        format!("{what} does not end: {}", self.rest.lines().next().unwrap_or_default())
    }
}

/// Where in `text` a literal of one line ends.
fn end_of(text: &str, mut ends: impl FnMut(char) -> bool) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if character == '\n' {
            return None;
        } else if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if ends(character) {
            return Some(at);
        }
    }
    None
}
