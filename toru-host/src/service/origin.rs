//! Requests that another site made a browser send.

use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method};

use crate::identity::Identity;

/// Whether a request may have been sent by a page of another site, with credentials that its user did not mean to use. One
/// that only reads may be sent by anybody: its answer stays with the browser.
#[inline]
pub(super) fn is_refused(head: &Parts, identity: &Identity, trusted: &[HeaderValue]) -> bool {
    !matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS)
        && is_foreign(head, identity, trusted)
}

/// Whether another site may have sent the request.
///
/// Browsers tell by `Sec-Fetch-Site` (Fetch Metadata), older ones by `Origin` (RFC 6454), which is held against `Host`. A
/// request with neither is refused if it has a cookie, or a password that a browser may remember: whoever is no browser has no use
/// for one. Credentials that browsers do
/// not send by themselves need none of this: see [`Identity::with_explicit_credential`].
#[cold]
fn is_foreign(head: &Parts, identity: &Identity, trusted: &[HeaderValue]) -> bool {
    if identity.has_explicit_credential() {
        return false;
    }
    // A header that is there twice is nobody's who plays by the rules.
    let mut origins = head.headers.get_all(ORIGIN).iter();
    let (origin, None) = (origins.next(), origins.next()) else {
        return true;
    };
    if origin.is_some_and(|origin| trusted.contains(origin)) {
        return false;
    }
    let mut sites = head.headers.get_all("sec-fetch-site").iter();
    match (sites.next(), sites.next()) {
        (Some(site), None) => return !matches!(site.as_bytes(), b"same-origin" | b"none"),
        (Some(_), Some(_)) => return true,
        (None, _) => {}
    }
    match origin {
        Some(origin) => !is_own(origin, head),
        None => head.headers.contains_key(COOKIE) || head.headers.contains_key(AUTHORIZATION),
    }
}

/// Whether the origin is the host that the request was sent to. Its scheme is not known here: a proxy may end TLS.
fn is_own(origin: &HeaderValue, head: &Parts) -> bool {
    let own = head
        .uri
        .authority()
        .map(|authority| authority.as_str().as_bytes());
    let own = own.or_else(|| head.headers.get(HOST).map(HeaderValue::as_bytes));
    let sent = origin.as_bytes();
    let sent = sent
        .strip_prefix(b"https://")
        .or_else(|| sent.strip_prefix(b"http://"));
    match (sent, own) {
        (Some(sent), Some(own)) => sent.eq_ignore_ascii_case(own),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::{HeaderValue, Identity};

    fn refused(method: &str, fields: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/api/plugins/a/enable");
        request = request.header("host", "app.example:8080");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let trusted = [HeaderValue::from_static("https://admin.example")];
        assert!(
            !super::is_refused(&head, &Identity::user("a").with_explicit_credential(), &trusted),
            "what no browser sends by itself is never foreign"
        );
        super::is_refused(&head, &Identity::user("a"), &trusted)
    }

    #[test]
    fn browsers_tell_where_a_request_comes_from() {
        for (site, expected) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("", true),
            ("Same-Origin", true),
        ] {
            assert_eq!(refused("POST", &[("sec-fetch-site", site)]), expected, "{site}");
            // It is believed before the origin, which a form of the same page may lack.
            let both = [("sec-fetch-site", site), ("origin", "null")];
            assert_eq!(refused("POST", &both), expected, "{site}");
        }
        let twice = [
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ];
        assert!(refused("POST", &twice));
    }

    #[test]
    fn older_browsers_tell_their_origin() {
        for (origin, expected) in [
            ("https://app.example:8080", false),
            ("http://APP.example:8080", false),
            ("https://app.example", true),
            ("https://app.example:8080.evil.example", true),
            ("https://evil.example", true),
            ("null", true),
            ("app.example:8080", true),
            ("https://admin.example", false),
            ("http://admin.example", true),
        ] {
            assert_eq!(refused("POST", &[("origin", origin)]), expected, "{origin}");
        }
    }

    #[test]
    fn a_second_origin_does_not_hide_behind_a_first_one() {
        for (first, second) in [
            ("https://admin.example", "https://evil.example"),
            ("https://app.example:8080", "null"),
            ("https://admin.example", "https://admin.example"),
        ] {
            assert!(refused("POST", &[("origin", first), ("origin", second)]));
        }
    }

    #[test]
    fn who_tells_nothing_must_have_no_cookie() {
        assert!(!refused("POST", &[]));
        assert!(refused("POST", &[("cookie", "session=1")]));
        assert!(refused("DELETE", &[("cookie", "session=1")]));
        assert!(refused("POST", &[("authorization", "Basic YTpi")]));
        assert!(!refused(
            "GET",
            &[("cookie", "session=1"), ("sec-fetch-site", "cross-site")]
        ));
    }
}
