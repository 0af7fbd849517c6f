//! From a path and a method to a route, by the rules of hosts.

use std::ops::Range;

use matchit::Router;

use super::problem::Problem;
use crate::abi::route::{
    TORU_CONNECT, TORU_DELETE, TORU_GET, TORU_HEAD, TORU_OPTIONS, TORU_OTHER_METHOD, TORU_PARAMS_MAX,
    TORU_PATCH, TORU_POST, TORU_PUT, TORU_TRACE,
};

/// First segments below a plugin's path that belong to the host.
const RESERVED: [&str; 4] = ["enable", "disable", "bundle.js", "-"];

const METHODS: [(u32, &str); 9] = [
    (TORU_GET, "GET"),
    (TORU_HEAD, "HEAD"),
    (TORU_POST, "POST"),
    (TORU_PUT, "PUT"),
    (TORU_DELETE, "DELETE"),
    (TORU_CONNECT, "CONNECT"),
    (TORU_OPTIONS, "OPTIONS"),
    (TORU_TRACE, "TRACE"),
    (TORU_PATCH, "PATCH"),
];

/// The routes of an instance.
pub(crate) struct Routes(Router<Path>);

/// The routes that share a path.
struct Path {
    routes: Vec<(u32, usize)>,
    allow: String,
}

/// What a path and a method lead to.
pub(crate) enum Found {
    /// The route of that number, and where in the path its captures are.
    Route(usize, Vec<Range<usize>>),
    /// A known path with other methods, for the header `Allow`.
    OtherMethods(String),
    /// Nothing, and what is said about it.
    Nothing(Problem),
}

impl Routes {
    /// Builds the router, or says what is wrong with the routes.
    pub(crate) fn new<'a>(routes: impl Iterator<Item = (u32, &'a str)>) -> Result<Self, String> {
        let mut by_pattern: Vec<(&str, Vec<(u32, usize)>)> = Vec::new();
        for (index, (methods, pattern)) in routes.enumerate() {
            check_pattern(pattern)?;
            match by_pattern.iter_mut().find(|(known, _)| *known == pattern) {
                None => by_pattern.push((pattern, vec![(methods, index)])),
                Some((_, sharing)) => {
                    if let Some((taken, _)) = sharing.iter().find(|(taken, _)| taken & methods != 0) {
                        let method = names(taken & methods).first().copied().unwrap_or("a method");
                        return Err(format!("`{pattern}` is registered twice for {method}"));
                    }
                    sharing.push((methods, index));
                }
            }
        }
        let mut router = Router::new();
        for (pattern, routes) in by_pattern {
            let methods = routes.iter().fold(0, |all, (methods, _)| all | methods);
            let head = if methods & TORU_GET != 0 { TORU_HEAD } else { 0 };
            let allow = names(methods | head | TORU_OPTIONS).join(", ");
            let inserted = router.insert(pattern, Path { routes, allow });
            inserted.map_err(|error| match error {
                matchit::InsertError::Conflict { with } => format!("`{pattern}` collides with `{with}`"),
                other => format!("`{pattern}` is malformed: {other}"),
            })?;
        }
        Ok(Self(router))
    }

    /// Finds the route for a path below the plugin's own. A HEAD request falls back to GET.
    pub(crate) fn find(&self, path: &str, method: u32) -> Found {
        if !is_safe(path) {
            return Found::Nothing(Problem::invalid_path());
        }
        let first = path[1..].split('/').next().unwrap_or_default();
        let is_of_host = path == "/" || first == "-" || RESERVED.iter().any(|name| path[1..] == **name);
        let Some(matched) = (!is_of_host).then(|| self.0.at(path).ok()).flatten() else {
            return Found::Nothing(Problem::unknown_route());
        };
        let answering = |bit| {
            matched
                .value
                .routes
                .iter()
                .find(|(methods, _)| methods & bit != 0)
        };
        let found =
            answering(method).or_else(|| (method == TORU_HEAD).then(|| answering(TORU_GET)).flatten());
        let Some((_, index)) = found else {
            return Found::OtherMethods(matched.value.allow.clone());
        };
        let start = path.as_ptr().addr();
        let place = |value: &str| {
            let offset = value.as_ptr().addr() - start;
            offset..offset + value.len()
        };
        let params = matched.params.iter().map(|(_, value)| place(value));
        Found::Route(*index, params.take(TORU_PARAMS_MAX).collect())
    }
}

/// The number of a method.
pub(crate) fn method_bit(name: &str) -> u32 {
    let known = METHODS.iter().find(|(_, known)| *known == name);
    known.map_or(TORU_OTHER_METHOD, |(bit, _)| *bit)
}

fn check_pattern(pattern: &str) -> Result<(), String> {
    let Some(rest) = pattern.strip_prefix('/') else {
        return Err(format!("`{pattern}` does not start with `/`"));
    };
    let is_odd = |byte: u8| !byte.is_ascii_graphic() || matches!(byte, b'?' | b'#' | b'\\');
    if pattern.bytes().any(is_odd) {
        let pattern = pattern.escape_default();
        return Err(format!(
            "`{pattern}` has characters that no path has; percent-encode them"
        ));
    }
    if pattern
        .split('/')
        .any(|segment| segment == "." || segment == "..")
    {
        return Err(format!("`{pattern}` has a dot segment, which no request reaches"));
    }
    let first = rest.split('/').next().unwrap_or_default();
    if RESERVED.contains(&first) {
        return Err(format!(
            "`{pattern}` collides with `/{first}`, which belongs to the host"
        ));
    }
    if pattern.matches('{').count() > TORU_PARAMS_MAX {
        return Err(format!("`{pattern}` has more than {TORU_PARAMS_MAX} captures"));
    }
    Ok(())
}

fn names(methods: u32) -> Vec<&'static str> {
    let named = METHODS.iter().filter(|(bit, _)| methods & bit != 0);
    named.map(|(_, name)| *name).collect()
}

/// Whether every segment means what it says: no dot segments, encoded or not, and no separators in disguise.
fn is_safe(path: &str) -> bool {
    let is_plain = |byte: u8| matches!(byte, b'!'..=b'~') && byte != b'\\';
    let is_dot = |segment: &[u8]| matches!(segment, b"." | b"..");
    path.bytes().all(is_plain)
        && path
            .split('/')
            .all(|segment| decode(segment).is_some_and(|decoded| !is_dot(&decoded)))
}

/// Decodes one segment; `None` for bad escapes, invalid UTF-8, and separators or NUL in disguise.
fn decode(segment: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(segment.len());
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        match u8::try_from(high * 16 + low).ok()? {
            b'/' | b'\\' | 0 => return None,
            byte => decoded.push(byte),
        }
    }
    std::str::from_utf8(&decoded).is_ok().then_some(decoded)
}
