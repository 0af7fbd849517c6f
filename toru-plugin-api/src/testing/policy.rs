//! Which header fields reach the plugin, and which of its own reach the client, by the usual policy of hosts.

use std::collections::HashSet;

use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Makes of a request's header what the plugin sees.
pub(crate) fn enter(headers: &mut HeaderMap, user: Option<&str>, roles: &[String]) {
    remove(headers, |name| {
        is_of_connection(name)
            || is_of_host(name)
            || matches!(name, "authorization" | "cookie" | "proxy-authorization")
    });
    let mut identify = |name: &'static str, value: String| {
        // There is nothing in an encoded name that a header value could not have.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    if let Some(user) = user {
        identify("toru-user", encode(user));
    }
    if !roles.is_empty() {
        let roles: Vec<_> = roles.iter().map(|role| encode(role)).collect();
        identify("toru-roles", roles.join(","));
    }
}

/// Makes of the plugin's header what the client sees; tells what was removed.
pub(crate) fn leave(headers: &mut HeaderMap, has_body: bool) -> Vec<HeaderName> {
    let removed = remove(headers, |name| !reaches_clients(name));
    if !headers.contains_key(X_CONTENT_TYPE_OPTIONS) {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
    if has_body && !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    }
    removed
}

/// Whether a field of a plugin's response, or of its trailers, is the plugin's to say.
pub(crate) fn reaches_clients(name: &str) -> bool {
    !is_of_connection(name)
        && !is_of_host(name)
        && !matches!(
            name,
            "alt-svc"
                | "clear-site-data"
                | "service-worker-allowed"
                | "set-cookie"
                | "strict-transport-security"
        )
}

/// Holds the length that a header tells against that of the body, and removes it where there is a body.
///
/// `len` is how long the body is, if that is known; `keeps` whether the header may tell the length of a body that is not
/// there. Tells how long the body has to be.
pub(crate) fn check_length(
    headers: &mut HeaderMap,
    len: Option<u64>,
    keeps: bool,
) -> Result<Option<u64>, String> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().map(length);
    let Some(first) = lengths.next() else {
        return Ok(len);
    };
    let declared = first.filter(|_| lengths.all(|other| other == first));
    let declared = declared.ok_or("its content-length is no length")?;
    if len == Some(0) && keeps {
        return Ok(len);
    }
    if let Some(len) = len.filter(|len| *len != declared) {
        return Err(format!("it promises {declared} bytes, and its body has {len}"));
    }
    headers.remove(CONTENT_LENGTH);
    Ok(Some(declared))
}

fn length(value: &HeaderValue) -> Option<u64> {
    let text = value.to_str().ok()?;
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Removes fields, and those that `Connection` names.
fn remove(headers: &mut HeaderMap, is_removed: impl Fn(&str) -> bool) -> Vec<HeaderName> {
    let named: HashSet<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let odd = headers
        .keys()
        .filter(|name| is_removed(name.as_str()) || named.contains(name.as_str()));
    let odd: Vec<HeaderName> = odd.cloned().collect();
    for name in &odd {
        headers.remove(name);
    }
    odd
}

/// Fields by which the host speaks.
fn is_of_host(name: &str) -> bool {
    name.strip_prefix("toru")
        .is_some_and(|rest| rest.starts_with(['-', '_']))
}

/// Fields of one connection.
fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// A name as hosts send it: what a header value, or a list of names, could not have is percent-encoded.
fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'%' | b',' => encoded += &format!("%{byte:02X}"),
            b'!'..=b'~' => encoded.push(char::from(byte)),
            _ => encoded += &format!("%{byte:02X}"),
        }
    }
    encoded
}
