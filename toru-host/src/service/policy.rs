//! Which header fields reach a plugin, and which of its own reach the client.

use std::borrow::Cow;
use std::collections::HashSet;

use http::header::{CONNECTION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::ffi::{Called, Remarkable};
use crate::fields::{Rule, request_rule, response_rule};

/// Which header fields reach a plugin, and which of its own reach the client.
///
/// A plugin gets the fields of a request, but for
///
/// - the application's credentials: `Cookie`, `Authorization`, `Proxy-Authorization`;
/// - what concerns one connection only: `Connection` and what it names, `Keep-Alive`, `Proxy-Connection`, `TE`, `Trailer`,
///   `Transfer-Encoding`, `Upgrade`;
/// - everything that starts with `Toru-` or `Toru_`. In its place come `Toru-User` and `Toru-Roles` with the [`Identity`](super::Identity)
///   that the application established.
///
/// A client gets the fields of a plugin's response, but for
///
/// - what would act on the whole site: `Set-Cookie`, `Clear-Site-Data`, `Service-Worker-Allowed`,
///   `Strict-Transport-Security`, `Alt-Svc`;
/// - what concerns one connection only, and everything that starts with `Toru-`.
///
/// What a plugin's response loses is logged, once for each plugin and name. `X-Content-Type-Options: nosniff` is added, and
/// `Content-Type: application/octet-stream` to a body without a type.
///
/// Trailers lose the same. An application changes what happens to headers by the functions below. Fields of one connection
/// and `Toru-*` cannot be let through.
///
/// # Examples
///
/// ```
/// use http::header::{HeaderName, REFERER, SET_COOKIE};
/// use toru_host::service::HeaderPolicy;
///
/// let policy = HeaderPolicy::new()
///     .hide_from_plugins(HeaderName::from_static("x-csrf-token"))
///     .hide_from_plugins(REFERER)
///     .pass_to_clients(SET_COOKIE); // for plugins that are trusted with the site's cookies
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct HeaderPolicy {
    passed_to_plugins: Vec<HeaderName>,
    hidden_from_plugins: Vec<HeaderName>,
    passed_to_clients: Vec<HeaderName>,
    hidden_from_clients: Vec<HeaderName>,
}

impl HeaderPolicy {
    /// The usual policy.
    pub const fn new() -> Self {
        Self {
            passed_to_plugins: Vec::new(),
            hidden_from_plugins: Vec::new(),
            passed_to_clients: Vec::new(),
            hidden_from_clients: Vec::new(),
        }
    }

    /// Lets plugins see a field that is usually removed, such as a credential that is meant for them.
    pub fn pass_to_plugins(mut self, name: HeaderName) -> Self {
        self.passed_to_plugins.push(name);
        self
    }

    /// Removes one more field of requests.
    pub fn hide_from_plugins(mut self, name: HeaderName) -> Self {
        self.hidden_from_plugins.push(name);
        self
    }

    /// Lets clients see a field of plugins' responses that is usually removed.
    pub fn pass_to_clients(mut self, name: HeaderName) -> Self {
        self.passed_to_clients.push(name);
        self
    }

    /// Removes one more field of plugins' responses.
    pub fn hide_from_clients(mut self, name: HeaderName) -> Self {
        self.hidden_from_clients.push(name);
        self
    }

    /// Makes of a request's header what a plugin sees of it.
    #[inline]
    pub(super) fn enter(&self, headers: &mut HeaderMap) {
        // Looking at all names once is cheaper than removals that find nothing.
        if !self.hidden_from_plugins.is_empty() {
            return self.remove_private(headers);
        }
        let mut names = headers.keys();
        let Some(first) = names.find(|name| may_be_private(name)) else {
            return;
        };
        if *first == CONNECTION || names.any(may_be_private) {
            return self.remove_private(headers);
        }
        // Most requests have one: a credential.
        let is_passed = match request_rule(first) {
            Rule::Never => false,
            Rule::Unless => self.passed_to_plugins.contains(first),
            Rule::Passed => true,
        };
        if !is_passed {
            let name = first.clone();
            headers.remove(name);
        }
    }

    fn remove_private(&self, headers: &mut HeaderMap) {
        let named = named_by_connection(headers);
        let odd: Vec<HeaderName> = headers
            .keys()
            .filter(|name| match request_rule(name) {
                Rule::Never => true,
                Rule::Unless => named.contains(*name) || !self.passed_to_plugins.contains(name),
                Rule::Passed => named.contains(*name) || self.hidden_from_plugins.contains(name),
            })
            .cloned()
            .collect();
        for name in odd {
            headers.remove(name);
        }
    }

    /// Makes of a plugin's header what the client sees. `has_body` tells whether there is something whose type matters.
    #[inline]
    pub(super) fn leave(
        &self,
        headers: &mut HeaderMap,
        mut remarkable: Remarkable,
        has_body: bool,
        called: Called,
    ) {
        if remarkable.odd || !self.hidden_from_clients.is_empty() {
            self.remove_odd(headers, called);
            // These may be among what it named as fields of its connection, or the application hides.
            remarkable.type_options = headers.contains_key(X_CONTENT_TYPE_OPTIONS);
            remarkable.media_type = headers.contains_key(CONTENT_TYPE);
        }
        if !remarkable.type_options {
            headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        if has_body && !remarkable.media_type {
            let unknown = HeaderValue::from_static("application/octet-stream");
            headers.insert(CONTENT_TYPE, unknown);
        }
    }

    #[cold]
    fn remove_odd(&self, headers: &mut HeaderMap, called: Called) {
        let named = named_by_connection(headers);
        let odd: Vec<HeaderName> = headers
            .keys()
            .filter(|name| match response_rule(name) {
                Rule::Never => true,
                Rule::Unless => named.contains(*name) || !self.passed_to_clients.contains(name),
                Rule::Passed => named.contains(*name) || self.hidden_from_clients.contains(name),
            })
            .cloned()
            .collect();
        for name in odd {
            called.note_removed(&name);
            headers.remove(name);
        }
    }
}

/// Whether a field of a request needs a second look. Most names are told by their first letter.
#[inline]
fn may_be_private(name: &HeaderName) -> bool {
    match name.as_str().as_bytes() {
        [b'a', b'u', ..] | [b'c', b'o', b'o', ..] | [b'k' | b'p' | b't', ..] => true,
        [b'c', b'o', b'n', ..] | [b'u', b'p', ..] => request_rule(name) != Rule::Passed,
        _ => false,
    }
}

/// What the fields `Connection` name, of what is there: a list that is as long as a header may be costs no more than the
/// walk along it.
fn named_by_connection(headers: &HeaderMap) -> HashSet<HeaderName> {
    let values = headers.get_all(CONNECTION).iter();
    let text = values.map(|value| String::from_utf8_lossy(value.as_bytes()));
    let names = |value: Cow<'_, str>| -> Vec<HeaderName> {
        let names = value.split(',').map(str::trim);
        let present = names.filter(|name| headers.contains_key(*name));
        present.filter_map(|name| name.parse().ok()).collect()
    };
    text.flat_map(names).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        HeaderMap, HeaderName, HeaderPolicy, HeaderValue, Rule, may_be_private, request_rule, response_rule,
    };
    use crate::ffi::may_be_odd;

    /// Names of all kinds, known and made up.
    const NAMES: [&str; 45] = [
        "accept",
        "accept-encoding",
        "age",
        "allow",
        "alt-svc",
        "authorization",
        "cache-control",
        "clear-site-data",
        "connection",
        "content-length",
        "content-security-policy",
        "content-type",
        "cookie",
        "cookie2",
        "date",
        "etag",
        "expect",
        "host",
        "keep-alive",
        "location",
        "origin",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "referer",
        "retry-after",
        "server",
        "service-worker-allowed",
        "set-cookie",
        "strict-transport-security",
        "te",
        "toru-roles",
        "toru-user",
        "toru-x",
        "toru_user",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "upgrade-insecure-requests",
        "user-agent",
        "vary",
        "via",
        "x-toru-user",
    ];

    #[test]
    fn the_first_look_misses_nothing_that_the_second_one_removes() {
        for name in NAMES.map(HeaderName::from_static) {
            assert!(
                may_be_private(&name) || request_rule(&name) == Rule::Passed,
                "{name}"
            );
            assert!(
                may_be_odd(&name) || response_rule(&name) == Rule::Passed,
                "{name}"
            );
        }
    }

    #[test]
    fn the_short_way_removes_what_the_long_one_does() {
        use http::header::{ACCEPT, AUTHORIZATION, COOKIE};
        let policies = [
            HeaderPolicy::new(),
            HeaderPolicy::new().pass_to_plugins(AUTHORIZATION),
            HeaderPolicy::new().hide_from_plugins(ACCEPT),
            HeaderPolicy::new()
                .hide_from_plugins(ACCEPT)
                .pass_to_plugins(COOKIE),
        ];
        let mut removed = 0;
        for (first, second) in NAMES
            .iter()
            .flat_map(|first| NAMES.map(|second| (*first, second)))
        {
            let mut sent = HeaderMap::new();
            // Also a field of a connection that names another one.
            sent.append(first, HeaderValue::from_static("accept"));
            sent.append("x-other", HeaderValue::from_static("1"));
            sent.append(second, HeaderValue::from_static("keep-alive, etag"));
            for policy in &policies {
                let (mut short, mut long) = (sent.clone(), sent.clone());
                policy.enter(&mut short);
                policy.remove_private(&mut long);
                assert_eq!(short, long, "{first}, {second}: {policy:?}");
                removed += sent.len() - short.len();
            }
        }
        assert!(removed > 1000, "{removed}");
    }

    #[test]
    fn the_usual_names_need_no_second_look() {
        let usual = [
            "host",
            "user-agent",
            "accept",
            "accept-encoding",
            "accept-language",
            "content-type",
            "x-request-id",
        ];
        for name in usual.map(HeaderName::from_static) {
            assert!(!may_be_private(&name), "{name}");
        }
        for name in [
            "content-type",
            "cache-control",
            "etag",
            "location",
            "vary",
            "x-version",
        ] {
            assert!(!may_be_odd(&HeaderName::from_static(name)), "{name}");
        }
    }

    #[test]
    fn what_connection_names_is_of_the_connection() {
        let mut headers = HeaderMap::new();
        headers.append("connection", "close, X-Own , ,\u{e9}, x-own".parse().unwrap());
        headers.append("connection", "x-other".parse().unwrap());
        for name in ["x-own", "x-other", "x-third"] {
            headers.append(name, HeaderValue::from_static("1"));
        }
        let named = super::named_by_connection(&headers);
        assert_eq!(named, ["x-own", "x-other"].map(HeaderName::from_static).into());
    }
}
