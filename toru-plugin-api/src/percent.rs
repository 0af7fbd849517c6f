//! Decoding of percent-encoded text.

use std::borrow::Cow;

/// Decodes `%XX`; and `+` as a space where `plus` says so, as in queries. Bad escapes stay as they are, and bytes that
/// are no UTF-8 are replaced.
pub(crate) fn decode(raw: &[u8], plus: bool) -> Cow<'_, str> {
    if !raw.iter().any(|&byte| byte == b'%' || (plus && byte == b'+')) {
        return String::from_utf8_lossy(raw);
    }
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let [first, tail @ ..] = rest {
        let (byte, tail) = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, tail),
                _ => (b'%', &rest[1..]),
            },
            (b'+', tail) if plus => (b' ', tail),
            (byte, tail) => (*byte, tail),
        };
        decoded.push(byte);
        rest = tail;
    }
    Cow::Owned(
        String::from_utf8(decoded)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
    )
}

/// The first value of `name` in a query such as `a=1&b=2`.
pub(crate) fn query_value<'a>(query: &'a [u8], name: &str) -> Option<Cow<'a, str>> {
    query.split(|&byte| byte == b'&').find_map(|pair| {
        let mut parts = pair.splitn(2, |&byte| byte == b'=');
        let key = parts.next()?;
        (decode(key, true) == name).then(|| decode(parts.next().unwrap_or_default(), true))
    })
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, query_value};

    #[test]
    fn escapes_are_decoded_and_bad_ones_kept() {
        for (raw, decoded) in [
            ("a", "a"),
            ("J%C3%B6rg", "Jörg"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("a+b", "a+b"),
            ("%FF", "\u{fffd}"),
        ] {
            assert_eq!(decode(raw.as_bytes(), false), decoded);
        }
        assert_eq!(decode(b"a+b%2B", true), "a b+");
    }

    #[test]
    fn the_first_value_of_a_name_is_found() {
        let query = b"a=1&b=%26&a=2&c";
        assert_eq!(query_value(query, "a").as_deref(), Some("1"));
        assert_eq!(query_value(query, "b").as_deref(), Some("&"));
        assert_eq!(query_value(query, "c").as_deref(), Some(""));
        assert_eq!(query_value(query, "d"), None);
    }
}
