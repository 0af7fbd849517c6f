//! Which form of a file a client takes, and whether it has it already.

use axum::http::header::{ACCEPT_ENCODING, HeaderMap, IF_NONE_MATCH};

/// A form of a file. The first one is the smallest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Brotli,
    Gzip,
    Identity,
}

impl Coding {
    const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    pub(super) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }

    /// What tells the entity tags of the forms apart.
    pub(super) const fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Gzip => "-gz",
            Self::Identity => "",
        }
    }
}

/// The forms that a client takes, the best one first; among equals the smallest (RFC 9110, section 12.5.3).
pub(super) fn codings(headers: &HeaderMap) -> impl Iterator<Item = Coding> {
    let fields = headers.get_all(ACCEPT_ENCODING).iter();
    let text: Vec<&str> = fields.filter_map(|field| field.to_str().ok()).collect();
    let wishes: Vec<(String, f32)> = text
        .iter()
        .flat_map(|text| text.split(','))
        .filter_map(wish)
        .collect();
    let named = |name: &str| wishes.iter().find(|wish| wish.0 == name).map(|wish| wish.1);
    let weight = |coding: Coding| match coding.name() {
        Some(name) => named(name).or(named("*")).unwrap_or(0.0),
        // It need not be named, and is the last resort then.
        None => named("identity").unwrap_or(if named("*") == Some(0.0) { 0.0 } else { 0.0005 }),
    };
    let mut codings = Coding::ALL.map(|coding| (weight(coding), coding));
    codings.sort_by(|one, other| other.0.total_cmp(&one.0));
    codings.into_iter().filter(|it| it.0 > 0.0).map(|it| it.1)
}

/// Whether the client has what carries this entity tag (RFC 9110, section 13.1.2). Ours have no comma.
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let fields = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// Reads `gzip;q=0.5`.
fn wish(text: &str) -> Option<(String, f32)> {
    let (name, weight) = text.split_once(';').unwrap_or((text, "q=1"));
    let weight = weight.trim().to_ascii_lowercase();
    let weight = weight
        .strip_prefix("q=")
        .and_then(|weight| weight.trim().parse().ok());
    let weight = weight
        .filter(|weight| (0.0..=1.0).contains(weight))
        .unwrap_or(0.0);
    let name = name.trim().to_ascii_lowercase();
    (!name.is_empty()).then_some((name, weight))
}

#[cfg(test)]
mod tests {
    use super::{Coding, HeaderMap, codings, is_known};

    #[test]
    fn codings_come_in_the_order_that_the_client_likes() {
        use Coding::{Brotli, Gzip, Identity};
        let cases: [(&str, &[Coding]); 13] = [
            ("", &[Identity]),
            ("gzip, deflate, br, zstd", &[Brotli, Gzip, Identity]),
            ("GZIP", &[Gzip, Identity]),
            ("br;q=0.5, gzip", &[Gzip, Brotli, Identity]),
            ("br;q=0, gzip", &[Gzip, Identity]),
            ("gzip;q=0.5, identity", &[Identity, Gzip]),
            ("gzip;q=0.001", &[Gzip, Identity]),
            ("identity;q=0", &[]),
            ("*", &[Brotli, Gzip, Identity]),
            ("*;q=0", &[]),
            ("*;q=0, gzip", &[Gzip]),
            ("gzip;q=nan, br;q=2", &[Identity]),
            ("deflate", &[Identity]),
        ];
        for (text, expected) in cases {
            let headers = HeaderMap::from_iter([("accept-encoding".parse().unwrap(), text.parse().unwrap())]);
            let found: Vec<_> = codings(&headers).collect();
            assert_eq!(found, expected, "{text}");
        }
        assert!(codings(&HeaderMap::new()).eq([Identity]));
    }

    #[test]
    fn a_known_tag_is_found_wherever_it_stands() {
        for (text, expected) in [
            ("\"a\"", true),
            ("W/\"a\"", true),
            ("\"b\" , \"a\"", true),
            ("*", true),
            ("\"a-br\"", false),
            ("a", false),
        ] {
            let headers = HeaderMap::from_iter([("if-none-match".parse().unwrap(), text.parse().unwrap())]);
            assert_eq!(is_known(&headers, "\"a\""), expected, "{text}");
        }
    }
}
