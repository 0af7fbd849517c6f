//! What a client takes, and what it has already.

use http::header::{ACCEPT_ENCODING, HeaderMap, IF_NONE_MATCH};

use crate::bundle::Coding;

/// The weight of what is wanted most.
const MOST: u16 = 1000;

/// How much a client likes each coding, in thousandths (RFC 9110, section 12.5.3).
#[derive(Debug)]
struct Wishes {
    brotli: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    others: Option<u16>,
}

/// The codings that a client takes, the best one first; among equals the smallest form.
pub(super) fn codings(headers: &HeaderMap) -> impl Iterator<Item = Coding> {
    let wishes = Wishes::of(headers);
    let mut codings = Coding::ALL.map(|coding| (wishes.weight(coding), coding));
    // Stable, so the smallest form stays in front.
    codings.sort_by_key(|(weight, _)| MOST.saturating_sub(*weight));
    codings
        .into_iter()
        .filter(|(weight, _)| *weight > 0)
        .map(|(_, coding)| coding)
}

/// Whether the client has what carries this entity tag (RFC 9110, section 13.1.2, weak comparison).
pub(super) fn is_known(headers: &HeaderMap, etag: &[u8]) -> bool {
    let mut fields = headers.get_all(IF_NONE_MATCH).iter();
    fields.any(|field| field.as_bytes().trim_ascii() == b"*" || tags(field.as_bytes()).any(|tag| tag == etag))
}

impl Wishes {
    fn of(headers: &HeaderMap) -> Self {
        let mut wishes = Self {
            brotli: None,
            gzip: None,
            identity: None,
            others: None,
        };
        for field in headers.get_all(ACCEPT_ENCODING) {
            // What is no text names no coding that we know.
            for member in field.to_str().unwrap_or_default().split(',') {
                let (name, weight) = member.split_once(';').unwrap_or((member, "q=1"));
                let wish = match &*name.trim().to_ascii_lowercase() {
                    "br" => &mut wishes.brotli,
                    "gzip" | "x-gzip" => &mut wishes.gzip,
                    "identity" => &mut wishes.identity,
                    "*" => &mut wishes.others,
                    _ => continue,
                };
                *wish = Some(parse_weight(weight).unwrap_or(0));
            }
        }
        wishes
    }

    fn weight(&self, coding: Coding) -> u16 {
        let unnamed = self.others.unwrap_or(0);
        match coding {
            Coding::Brotli => self.brotli.unwrap_or(unnamed),
            Coding::Gzip => self.gzip.unwrap_or(unnamed),
            // It need not be named, and is the last resort then, unless everything unnamed is refused.
            Coding::Identity => self.identity.unwrap_or(u16::from(self.others != Some(0))),
        }
    }
}

/// Reads `q=0.5`, in thousandths.
fn parse_weight(text: &str) -> Option<u16> {
    let (name, value) = text.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let value = value.trim();
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(MOST),
        _ => None,
    }
}

/// The entity tags of a list, with their quotes and without what makes them weak. A comma may be part of a tag.
fn tags(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = list;
    std::iter::from_fn(move || {
        let start = rest
            .iter()
            .position(|byte| !matches!(byte, b' ' | b'\t' | b','))?;
        rest = rest.get(start..)?;
        rest = rest.strip_prefix(b"W/").unwrap_or(rest);
        let inside = rest.strip_prefix(b"\"")?;
        let end = inside.iter().position(|byte| *byte == b'"')? + 2;
        let (tag, behind) = rest.split_at_checked(end)?;
        rest = behind;
        Some(tag)
    })
}

#[cfg(test)]
mod tests {
    use super::{Coding, HeaderMap, codings, is_known};

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn codings_come_in_the_order_that_the_client_likes() {
        use Coding::{Brotli, Gzip, Identity};
        let cases: [(&[&str], &[Coding]); 20] = [
            (&[], &[Identity]),
            (&[""], &[Identity]),
            (&["gzip, deflate, br, zstd"], &[Brotli, Gzip, Identity]),
            (&["gzip"], &[Gzip, Identity]),
            (&["X-GZIP"], &[Gzip, Identity]),
            (&["deflate"], &[Identity]),
            (&["br;q=0.5, gzip"], &[Gzip, Brotli, Identity]),
            (&["br; Q=0.5 , gzip ;q=0.501"], &[Gzip, Brotli, Identity]),
            (&["br;q=0", "gzip"], &[Gzip, Identity]),
            (&["gzip;q=0.5, identity"], &[Identity, Gzip]),
            (&["gzip;q=0.001"], &[Gzip, Identity]),
            (&["gzip, identity;q=0"], &[Gzip]),
            (&["identity;q=0"], &[]),
            (&["*"], &[Brotli, Gzip, Identity]),
            (&["*;q=0"], &[]),
            (&["*;q=0, gzip"], &[Gzip]),
            (&["*;q=0, identity"], &[Identity]),
            (&["gzip;q=2, br;q=1.001"], &[Identity]),
            (&["gzip;q=0.0001, br;q=x, identity;level=1"], &[]),
            (&["gzip;q=1.000, br;q=0.999"], &[Gzip, Brotli, Identity]),
        ];
        for (fields, expected) in cases {
            let found: Vec<_> = codings(&headers("accept-encoding", fields)).collect();
            assert_eq!(found, expected, "{fields:?}");
        }
    }

    #[test]
    fn a_known_tag_is_found_wherever_it_stands() {
        for list in [
            "\"a\"",
            "W/\"a\"",
            "*",
            " * ",
            "\"b\", \"a\"",
            "\"b\",W/\"a\",\"c\"",
            ",, \"x,y\" ,\t\"a\"",
        ] {
            assert!(is_known(&headers("if-none-match", &[list]), b"\"a\""), "{list}");
        }
        for list in [
            "",
            "a",
            "\"A\"",
            "\"aa\"",
            "\"b\"",
            "w/\"a\"",
            "\"x,\"a\"",
            "\"a",
            "b, \"a\"",
            "\"*\"",
        ] {
            assert!(!is_known(&headers("if-none-match", &[list]), b"\"a\""), "{list}");
        }
        assert!(is_known(&headers("if-none-match", &["\"b\"", "\"a\""]), b"\"a\""));
    }
}
