//! Rustdoc's Markdown as plain C comments.

use super::layout::c_name;

const C_TYPES: [(&str, &str); 5] = [
    ("u16", "uint16_t"),
    ("u32", "uint32_t"),
    ("u64", "uint64_t"),
    ("usize", "size_t"),
    ("repr(C)", "C"),
];

/// What stays on one line.
const TOGETHER: [&str; 2] = ["] [", "(null, 0)"];

/// Most columns of a line of the header.
pub(crate) const WIDTH: usize = 100;

/// Renders Markdown as a block of `//` comments, indented by `indent` columns.
pub(crate) fn comment(markdown: &str, indent: usize) -> String {
    let mut out = Block {
        indent,
        text: String::new(),
    };
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            out.line("");
        } else if let Some(heading) = line.strip_prefix("# ") {
            let heading = inline(heading);
            out.line(&heading);
            out.line(&"-".repeat(heading.chars().count()));
        } else if line.starts_with('|') {
            let mut rows = vec![cells(line)];
            while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                rows.push(cells(row));
            }
            out.table(&rows);
        } else {
            let hanging = if line.starts_with("- ") { 2 } else { 0 };
            let mut paragraph = line.to_owned();
            while let Some(next) = lines.next_if(|line| !ends_paragraph(line)) {
                paragraph.push(' ');
                paragraph.push_str(next.trim());
            }
            out.paragraph(&inline(&paragraph), hanging);
        }
    }
    out.text
}

/// Text without links, emphasis and needless quotes of code; names as they are in C, ASCII where possible.
pub(crate) fn inline(markdown: &str) -> String {
    let mut out = String::new();
    let mut rest = markdown;
    while let Some(at) = rest.find(['`', '[', '*']) {
        out.push_str(&rest[..at]);
        let (mark, tail) = rest[at..].split_at(1);
        rest = match (mark, tail.find('`'), link(&rest[at..])) {
            ("`", Some(end), _) => {
                out.push_str(&code(&tail[..end]));
                &tail[end + 1..]
            }
            ("[", _, Some((label, tail))) => {
                out.push_str(&inline(label));
                tail
            }
            ("*", ..) => tail,
            _ => {
                out.push_str(mark);
                tail
            }
        };
    }
    out.push_str(rest);
    out.replace("of this module", "of this header")
        .replace('…', "...")
}

/// Label and rest of a link at the beginning of `text`: `[label](target)` or ``[`label`]``.
fn link(text: &str) -> Option<(&str, &str)> {
    let (label, tail) = text.strip_prefix('[')?.split_once(']')?;
    match tail.strip_prefix('(').and_then(|target| target.split_once(')')) {
        Some((_, tail)) => Some((label, tail)),
        None => label.starts_with('`').then_some((label, tail)),
    }
}

/// Code stands bare when it cannot be mistaken for prose, else in quotes.
fn code(span: &str) -> String {
    const NOTE_PREFIXES: [&str; 6] = ["NOTE_", "TAG_", "FLAG_", "RECORD_", "HEADER_", "SEAL_"];
    let is_tag = span.starts_with('[') && span.ends_with(']');
    let is_word =
        span.chars().count() > 1 && span.chars().all(|c| c.is_alphanumeric() || "_.:/()…".contains(c));
    if NOTE_PREFIXES.iter().any(|prefix| span.starts_with(prefix)) {
        c_name(span)
    } else if let Some((_, c)) = C_TYPES.iter().find(|(rust, _)| *rust == span) {
        (*c).to_owned()
    } else if is_tag
        || (span.starts_with('(') && span.ends_with(')'))
        || (is_word && !span.starts_with(['.', '/']))
    {
        span.replace("::", ".")
    } else {
        format!("'{span}'")
    }
}

fn ends_paragraph(line: &str) -> bool {
    line.is_empty() || line.starts_with(['|', '#']) || line.starts_with("- ")
}

fn cells(row: &str) -> Vec<String> {
    row.trim_matches('|')
        .split('|')
        .map(|cell| inline(cell.trim()))
        .collect()
}

/// Lines of a comment.
struct Block {
    indent: usize,
    text: String,
}

impl Block {
    fn line(&mut self, line: &str) {
        let indent = " ".repeat(self.indent);
        let line = format!("{indent}// {line}");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn paragraph(&mut self, text: &str, hanging: usize) {
        for (number, line) in fill(text, WIDTH - self.indent - 3 - hanging).iter().enumerate() {
            let indent = if number == 0 { 0 } else { hanging };
            self.line(&format!("{}{line}", " ".repeat(indent)));
        }
    }

    /// Columns side by side; the row of dashes under the heads is drawn anew.
    fn table(&mut self, rows: &[Vec<String>]) {
        let is_rule = |row: &[String]| {
            row.iter()
                .all(|cell| !cell.is_empty() && cell.chars().all(|c| c == '-'))
        };
        let widths: Vec<usize> = (0..rows[0].len())
            .map(|column| {
                let cells = rows
                    .iter()
                    .filter(|row| !is_rule(row))
                    .filter_map(|row| row.get(column));
                cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let room = WIDTH - self.indent - 3;
        for row in rows {
            let mut line = String::from(" ");
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                let start = line.chars().count() + 1;
                if is_rule(row) {
                    line.push_str(&format!(" {} ", "-".repeat(width.min(room - start))));
                } else if column + 1 < row.len() {
                    line.push_str(&format!(" {cell:width$} "));
                } else {
                    let lines = fill(cell, room - start);
                    line.push(' ');
                    line.push_str(&lines.join(&format!("\n{}", " ".repeat(start))));
                }
            }
            for line in line.lines() {
                self.line(line);
            }
        }
    }
}

/// Breaks text into lines of at most `width` columns.
fn fill(text: &str, width: usize) -> Vec<String> {
    let mut text = text.to_owned();
    for together in TOGETHER {
        text = text.replace(together, &together.replace(' ', "\u{a0}"));
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut line = lines.pop().unwrap_or_default();
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
            lines.push(line);
            line = String::new();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        lines.push(line);
    }
    lines.iter().map(|line| line.replace('\u{a0}', " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_their_labels() {
        for (markdown, expected) in [
            ("a [`ToruSlice`](bytes::ToruSlice) is", "a ToruSlice is"),
            ("in [`ToruRoute::methods`].", "in ToruRoute.methods."),
            ("carries a [note](note) from", "carries a note from"),
            ("`[thread-safe] [no-block]`", "[thread-safe] [no-block]"),
            (
                "owner `Toru` and type [`NOTE_TYPE`], the *seal*",
                "owner Toru and type TORU_NOTE_TYPE, the seal",
            ),
            ("`{name}` and `-`, `TAG_…`", "'{name}' and '-', TORU_NOTE_TAG_..."),
            ("an array[3] stays", "an array[3] stays"),
        ] {
            assert_eq!(inline(markdown), expected);
        }
    }

    #[test]
    fn paragraphs_are_filled_and_lists_hang() {
        let text = comment(&format!("One\ntwo.\n\n- {}", "word ".repeat(25)), 4);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[..2], ["    // One two.", "    //"]);
        assert!(
            lines[2].starts_with("    // - word") && lines[3].starts_with("    //   word"),
            "{text}"
        );
        assert!(lines.iter().all(|line| line.len() <= WIDTH));
    }

    #[test]
    fn tags_stay_together() {
        let text = comment(&format!("{} `[thread-safe] [no-block]`", "word ".repeat(16)), 0);
        assert!(text.ends_with("\n// [thread-safe] [no-block]\n"), "{text}");
    }

    #[test]
    fn tables_are_aligned() {
        let text = comment("| Tag | Meaning |\n|---|---|\n| `[op]` | one at a time |", 0);
        assert_eq!(
            text,
            "//   Tag   Meaning\n//   ----  -------------\n//   [op]  one at a time\n"
        );
    }
}
