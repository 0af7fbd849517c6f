//! How long the body of an answer is, by all that it says about it.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};

use super::{AnswerBody, Fields};

/// Lets an answer tell one length and one only: that of its body. What the header said of it is checked and removed, since
/// the server tells the length itself; it stays where there is no body whose length could be told.
///
/// # Errors
///
/// When header and body contradict one another, or the body is larger than allowed.
pub(in crate::ffi) fn check_length(
    status: StatusCode,
    fields: &mut Fields,
    body: &mut AnswerBody,
    only_head: bool,
    max: u64,
) -> Result<(), String> {
    let promised = match body {
        AnswerBody::Empty => Some(0),
        AnswerBody::Full(bytes) => Some(bytes.len() as u64),
        AnswerBody::Stream(stream) => stream.learn_length(max),
        AnswerBody::Request(body) => {
            body.hold_to(max, None);
            body.size_hint().exact()
        }
    };
    if let Some(len) = promised.filter(|len| *len > max) {
        return Err(format!("its body has {len} bytes, at most {max} are allowed"));
    }
    if !fields.remarkable.length {
        return Ok(());
    }
    let declared = declared(&fields.headers)?;
    if matches!(body, AnswerBody::Empty) && (only_head || status == StatusCode::NOT_MODIFIED) {
        return Ok(());
    }
    if declared > max {
        return Err(format!("it promises {declared} bytes, at most {max} are allowed"));
    }
    match (promised, body) {
        (Some(len), _) if len != declared => {
            return Err(format!("it promises {declared} bytes, and its body has {len}"));
        }
        (None, AnswerBody::Stream(stream)) => stream.promise(declared),
        (None, AnswerBody::Request(body)) => body.hold_to(max, Some(declared)),
        _ => {}
    }
    fields.headers.remove(CONTENT_LENGTH);
    Ok(())
}

/// The one length that all fields agree on.
fn declared(headers: &HeaderMap) -> Result<u64, String> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().map(|value| {
        let digits = value
            .to_str()
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok())
    });
    let first = lengths.next().flatten();
    match first {
        Some(len) if lengths.all(|other| other == first) => Ok(len),
        _ => Err("its content-length is no length".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{AnswerBody, CONTENT_LENGTH, Fields, StatusCode, check_length};

    /// Whether an answer is accepted, and what its header says afterwards.
    fn checked(
        status: StatusCode,
        told: &[&'static str],
        body: &'static str,
        only_head: bool,
    ) -> Option<Vec<String>> {
        let mut fields = Fields::default();
        fields.remarkable.length = !told.is_empty();
        for length in told {
            fields.headers.append(CONTENT_LENGTH, length.parse().unwrap());
        }
        let mut body = match body {
            "" => AnswerBody::Empty,
            body => AnswerBody::Full(Bytes::from_static(body.as_bytes())),
        };
        check_length(status, &mut fields, &mut body, only_head, 10).ok()?;
        let left = fields.headers.get_all(CONTENT_LENGTH).iter();
        Some(left.map(|value| value.to_str().unwrap().to_owned()).collect())
    }

    #[test]
    fn header_and_body_tell_the_same_length_or_the_answer_is_refused() {
        let ok = StatusCode::OK;
        let removed = Some(Vec::new());
        assert_eq!(checked(ok, &[], "four", false), removed);
        assert_eq!(checked(ok, &["4"], "four", false), removed);
        assert_eq!(checked(ok, &["4", "4"], "four", false), removed);
        assert_eq!(checked(ok, &["0"], "", false), removed);
        for odd in [
            "3",
            "5",
            "-4",
            "+4",
            "4 ",
            "",
            "4,4",
            "0x4",
            "99999999999999999999",
        ] {
            assert_eq!(checked(ok, &[odd], "four", false), None, "{odd:?}");
        }
        assert_eq!(checked(ok, &["4", "5"], "four", false), None);
        assert_eq!(checked(ok, &["4"], "", false), None);
        assert_eq!(
            checked(ok, &[], "eleven bytes", false),
            None,
            "larger than allowed"
        );
    }

    #[test]
    fn where_there_is_no_body_the_length_that_it_would_have_stays() {
        let kept = Some(vec!["4711".to_owned()]);
        assert_eq!(checked(StatusCode::OK, &["4711"], "", true), kept);
        assert_eq!(checked(StatusCode::NOT_MODIFIED, &["4711"], "", false), kept);
        assert_eq!(checked(StatusCode::OK, &["x"], "", true), None);
    }
}
