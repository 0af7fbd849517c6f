//! Requests that another site may have made a browser send.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;

/// Whether another site may have sent the request.
///
/// Browsers tell by `Sec-Fetch-Site` (Fetch Metadata), older ones by `Origin`, which is held against `Host`. Whoever tells
/// neither is no browser and has no use for a cookie. What is there twice is from nobody who plays by the rules.
/// `is_behind_proxy`: browsers reach this server by TLS alone.
pub(super) fn is_foreign(head: &Parts, is_behind_proxy: bool) -> bool {
    let single = |name: &str| single(&head.headers, name);
    let (Ok(site), Ok(origin)) = (single("sec-fetch-site"), single(ORIGIN.as_str())) else {
        return true;
    };
    match (site, origin) {
        (Some(site), _) => !matches!(site, b"same-origin" | b"none"),
        (None, Some(origin)) => !is_own(origin, head, is_behind_proxy),
        (None, None) => head.headers.contains_key(COOKIE),
    }
}

/// Whether the origin is the host that the request was sent to. A page without TLS, which anybody in between may have
/// written, is not where there is TLS; elsewhere a proxy may end it that nobody told of.
fn is_own(origin: &[u8], head: &Parts, is_tls: bool) -> bool {
    let authority = head.uri.authority().map(|it| it.as_str().as_bytes());
    let own = authority.or_else(|| head.headers.get(HOST).map(|host| host.as_bytes()));
    let https = origin.strip_prefix(b"https://");
    let sent = https.or_else(|| (!is_tls).then(|| origin.strip_prefix(b"http://")).flatten());
    matches!((sent, own), (Some(sent), Some(own)) if sent.eq_ignore_ascii_case(own))
}

/// The only value of a field, if it is there.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value.map(|value| value.as_bytes())),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    fn is_foreign_to(is_behind_proxy: bool, fields: &[(&str, &str)]) -> bool {
        let mut request = Request::post("/api/session").header("host", "app.example:80");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        super::is_foreign(&request.body(()).unwrap().into_parts().0, is_behind_proxy)
    }

    fn is_foreign(fields: &[(&str, &str)]) -> bool {
        is_foreign_to(false, fields)
    }

    #[test]
    fn a_page_without_tls_is_foreign_to_a_server_behind_it() {
        for (origin, is_foreign) in [("https://app.example:80", false), ("http://app.example:80", true)] {
            assert_eq!(is_foreign_to(true, &[("origin", origin)]), is_foreign, "{origin}");
        }
    }

    #[test]
    fn only_pages_of_this_site_and_programs_without_cookies_are_not_foreign() {
        let own: [&[(&str, &str)]; 6] = [
            &[],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none"), ("cookie", "a=b")],
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            &[("origin", "http://app.example:80"), ("cookie", "a=b")],
            &[("origin", "https://APP.example:80")],
        ];
        let foreign: [&[(&str, &str)]; 11] = [
            &[("cookie", "a=b")],
            &[("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "")],
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "http://app.example:80"),
            ],
            &[
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[("origin", "null")],
            &[("origin", "http://app.example")],
            &[("origin", "http://app.example:80.evil.example")],
            &[("origin", "http://evil.example")],
            &[
                ("origin", "http://app.example:80"),
                ("origin", "http://evil.example"),
            ],
        ];
        for fields in own {
            assert!(!is_foreign(fields), "{fields:?}");
        }
        for fields in foreign {
            assert!(is_foreign(fields), "{fields:?}");
        }
    }
}
