//! Header fields that stay on one side of the host, whatever a request, a response or trailers say.

use http::{HeaderMap, HeaderName};

/// What happens to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// It is removed.
    Never,
    /// It is removed unless the application lets it through.
    Unless,
    /// It is passed on.
    Passed,
}

/// What happens to a field on its way to a plugin.
pub(crate) fn request_rule(name: &HeaderName) -> Rule {
    match name.as_str() {
        name if is_of_connection(name) || is_of_host(name) => Rule::Never,
        "authorization" | "cookie" | "proxy-authorization" => Rule::Unless,
        _ => Rule::Passed,
    }
}

/// What happens to a field on its way to a client.
pub(crate) fn response_rule(name: &HeaderName) -> Rule {
    match name.as_str() {
        name if is_of_connection(name) || is_of_host(name) => Rule::Never,
        "alt-svc"
        | "clear-site-data"
        | "service-worker-allowed"
        | "set-cookie"
        | "strict-transport-security" => Rule::Unless,
        _ => Rule::Passed,
    }
}

/// Removes from trailers what a header loses. The application's exceptions are for headers: nothing that counts belongs
/// into trailers (RFC 9110, section 6.5.1), and nobody looked at them when it was decided who a request is from.
#[cold]
pub(crate) fn clean_trailers(
    trailers: &mut HeaderMap,
    rule: fn(&HeaderName) -> Rule,
    mut removed: impl FnMut(&HeaderName),
) {
    let odd: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| rule(name) != Rule::Passed)
        .cloned()
        .collect();
    for name in odd {
        removed(&name);
        trailers.remove(name);
    }
}

/// Fields by which the host speaks. With an underscore as well: whoever makes variables of names, as CGI does, cannot tell
/// the two apart.
fn is_of_host(name: &str) -> bool {
    name.strip_prefix("toru")
        .is_some_and(|rest| rest.starts_with(['-', '_']))
}

/// Fields of one connection: those of RFC 9110, section 7.6.1, and what older software sends.
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

#[cfg(test)]
mod tests {
    use super::{HeaderMap, clean_trailers, response_rule};

    #[test]
    fn trailers_lose_what_a_header_loses_and_keep_the_rest_in_order() {
        let mut trailers = HeaderMap::new();
        for (name, value) in [
            ("set-cookie", "a=1"),
            ("x-sum", "1"),
            ("set-cookie", "b=2"),
            ("toru_user", "root"),
            ("x-sum", "2"),
        ] {
            trailers.append(name, value.parse().unwrap());
        }
        let mut removed = Vec::new();
        clean_trailers(&mut trailers, response_rule, |name| {
            removed.push(name.to_string());
        });
        assert_eq!(removed, ["set-cookie", "toru_user"]);
        let left: Vec<_> = trailers.get_all("x-sum").iter().collect();
        assert_eq!(left, ["1", "2"]);
        assert_eq!(trailers.len(), 2);
    }
}
