//! Answers as they come over HTTP/1.1.

use crate::Result;

/// How long an answer is with its head, as far as the beginning of it tells.
///
/// # Errors
///
/// When it is none that the measured handlers give.
pub fn answer_len(beginning: &[u8]) -> Result<Option<usize>> {
    let Some(head) = beginning.windows(4).position(|end| end == b"\r\n\r\n") else {
        return Ok(None);
    };
    let lines = beginning[..head].split(|byte| *byte == b'\n');
    let told = |line: &[u8]| {
        let len = line.strip_prefix(b"content-length: ")?.trim_ascii();
        std::str::from_utf8(len).ok()?.parse::<usize>().ok()
    };
    let body = lines.clone().find_map(told);
    match body.filter(|_| beginning.starts_with(b"HTTP/1.1 200 ")) {
        Some(body) => Ok(Some(head + 4 + body)),
        None => Err(format!("this is no answer: {}", beginning[..head].escape_ascii()).into()),
    }
}
