//! The blocks of a text in Markdown, and what each is for.

use crate::Result;

/// A block of code.
#[derive(Debug, PartialEq)]
pub(super) struct Block<'a> {
    /// Number of the line that opens it, from 1.
    pub(super) line: usize,
    pub(super) purpose: Purpose<'a>,
    pub(super) text: String,
}

/// What a block is for: a caption says so, `` `src/lib.rs`: ``, or a comment, `<!-- host -->`, or else its language.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Purpose<'a> {
    /// The content of a file. What is in JavaScript is looked at by Node.
    File(&'a str),
    /// What comes at the end of a file.
    Add(&'a str),
    /// Lines of a file that come and go, as a difference without numbers.
    Change(&'a str),
    /// How readers start the host that the walk has already.
    Host,
    /// Variables, whose values are the walk's own, and functions for the shell.
    Settings,
    /// Commands.
    Run,
    /// Commands behind `$ `, and what they answer.
    Console,
    /// Commands for a debugger behind `(gdb) `, and what it answers.
    Debugger,
    /// Lines of the host's log.
    Log,
    /// An example that the tests of the documentation compile.
    Doctest,
}

/// All blocks of a text, in order. One whose purpose is not known is an error.
pub(super) fn blocks(text: &str) -> Result<Vec<Block<'_>>> {
    let mut found = Vec::new();
    let mut lines = text.lines().zip(1..);
    let mut before = "";
    while let Some((line, number)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            if !line.is_empty() {
                before = line;
            }
            continue;
        };
        let purpose = purpose(before, language).ok_or_else(|| {
            format!("line {number}: a block of {language:?}, and nobody knows what `{before}` says it is for")
        })?;
        let mut content = String::new();
        loop {
            match lines.next() {
                Some(("```", _)) => break,
                Some((line, _)) => content += &format!("{line}\n"),
                None => return Err(format!("line {number}: the block has no end").into()),
            }
        }
        before = "";
        found.push(Block {
            line: number,
            purpose,
            text: content,
        });
    }
    Ok(found)
}

fn purpose<'a>(before: &'a str, language: &str) -> Option<Purpose<'a>> {
    let file = |caption: &'a str| {
        caption
            .strip_prefix('`')?
            .strip_suffix("`:")
            .filter(|path| !path.contains('`'))
    };
    if let Some(path) = before.strip_prefix("At the end of ").and_then(file) {
        return Some(Purpose::Add(path));
    }
    if let Some(path) = file(before) {
        return Some(match language {
            "diff" => Purpose::Change(path),
            _ => Purpose::File(path),
        });
    }
    let comment = before
        .strip_prefix("<!-- ")
        .and_then(|rest| rest.strip_suffix(" -->"));
    match (comment, language) {
        (Some("host"), "sh") => Some(Purpose::Host),
        (Some("settings"), "sh") => Some(Purpose::Settings),
        (Some("debugger"), "console") => Some(Purpose::Debugger),
        (Some("log"), "text") => Some(Purpose::Log),
        (Some(_), _) => None,
        (None, "rust") => Some(Purpose::Doctest),
        (None, "sh") => Some(Purpose::Run),
        (None, "console") => Some(Purpose::Console),
        (None, _) => None,
    }
}

/// A line behind a prompt, and what follows up to the next one.
#[derive(Debug, PartialEq)]
pub(super) struct Command {
    pub(super) line: String,
    pub(super) answer: String,
}

/// The commands of a session, each a line behind `prompt`, or several where they end in a backslash.
pub(super) fn commands(session: &str, prompt: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut goes_on = false;
    for line in session.lines() {
        match (line.strip_prefix(prompt), commands.last_mut()) {
            (Some(command), _) if !goes_on => commands.push(Command {
                line: command.to_owned(),
                answer: String::new(),
            }),
            (_, Some(last)) if goes_on => last.line += &format!("\n{line}"),
            (_, Some(last)) => last.answer += &format!("{line}\n"),
            (_, None) => {}
        }
        goes_on = line.ends_with('\\') && commands.last().is_some_and(|last| last.answer.is_empty());
    }
    commands
}

/// The text with a difference applied: each hunk is at one place of it and no other.
pub(super) fn change(text: &str, difference: &str) -> Result<String> {
    let mut text = text.to_owned();
    for hunk in difference.split("@@\n").filter(|hunk| !hunk.is_empty()) {
        let side = |other: char| -> String {
            let lines = hunk.lines().filter(|line| !line.starts_with(other));
            lines
                .map(|line| format!("{}\n", line.get(1..).unwrap_or_default()))
                .collect()
        };
        let (old, new) = (side('+'), side('-'));
        let places = text
            .match_indices(&old)
            .filter(|(at, _)| *at == 0 || text[..*at].ends_with('\n'));
        let places: Vec<usize> = places.map(|(at, _)| at).collect();
        let [at] = places[..] else {
            return Err(format!("{} places have the lines\n{old}", places.len()).into());
        };
        text.replace_range(at..at + old.len(), &new);
    }
    Ok(text)
}

/// Whether a text is what was expected, in which `…` stands for anything.
pub(super) fn is_like(text: &str, expected: &str) -> bool {
    let mut parts = expected.trim_end().split('…');
    let Some(mut rest) = text.trim_end().strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caption_a_comment_or_the_language_says_what_a_block_is_for() {
        let text = "Text.\n\n`a.toml`:\n\n```toml\n[a]\n```\n\n```rust\nfn a() {}\n```\n\n<!-- log -->\n```text\na\n```\n";
        let found = blocks(text).unwrap();
        let purposes: Vec<_> = found.iter().map(|block| (block.line, block.purpose)).collect();
        let expected = [
            (5, Purpose::File("a.toml")),
            (9, Purpose::Doctest),
            (14, Purpose::Log),
        ];
        assert_eq!(purposes, expected);
        assert_eq!(found[0].text, "[a]\n");
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for text in [
            "```json\n{}\n```\n",
            "A file:\n\n```toml\n```\n",
            "<!-- hots -->\n```sh\n```\n",
            "```diff\n```\n",
            "```sh\nno end\n",
        ] {
            assert!(blocks(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_session_is_commands_and_answers() {
        let session = "$ a \\\n  b\none\ntwo\n$ c\n";
        let command = |line: &str, answer: &str| Command {
            line: line.to_owned(),
            answer: answer.to_owned(),
        };
        assert_eq!(
            commands(session, "$ "),
            [command("a \\\n  b", "one\ntwo\n"), command("c", "")]
        );
    }

    #[test]
    fn hunks_are_applied_where_they_belong() {
        let text = "a\nb\n\nc\nd\n";
        assert_eq!(
            change(text, "@@\n a\n-b\n+B\n \n@@\n d\n+e\n").unwrap(),
            "a\nB\n\nc\nd\ne\n"
        );
        assert!(change(text, " x\n+y\n").is_err(), "nowhere");
        assert!(change("a\na\n", " a\n+b\n").is_err(), "at two places");
    }

    #[test]
    fn an_ellipsis_stands_for_anything() {
        for (text, expected) in [
            ("a\n", "a"),
            ("abc", "a…c"),
            ("abcd", "…b…d"),
            ("ab", "a…"),
            ("a", "a…"),
        ] {
            assert!(is_like(text, expected), "{text} {expected}");
        }
        for (text, expected) in [("ab", "a"), ("abc", "a…d"), ("ba", "a…"), ("ab", "a…b…b")] {
            assert!(!is_like(text, expected), "{text} {expected}");
        }
    }
}
