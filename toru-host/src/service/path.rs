//! What a path below the mount point asks for.

/// A path, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// The list of plugins.
    List,
    /// One plugin.
    Plugin(&'a str),
    /// `enable`, `disable` or `bundle.js` of a plugin.
    Action(&'a str, Action),
    /// A route of the plugin; its own path starts at this offset of the whole path.
    Route(&'a str, usize),
    /// A path that belongs to the host but means nothing yet.
    Reserved(&'a str),
    /// A path that no route can have.
    Invalid,
    /// A path that is not below the mount point.
    Elsewhere,
}

/// What the host itself offers below a plugin's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Bundle,
    Disable,
    Enable,
}

/// Takes a raw path apart. Dot segments, encoded or not, and encoded separators are invalid, so that nobody downstream
/// can disagree about where the path leads.
pub(super) fn parse<'a>(path: &'a str, mount: &str) -> Target<'a> {
    let Some(below) = path.strip_prefix(mount) else {
        return Target::Elsewhere;
    };
    let below = match below.strip_prefix('/') {
        _ if below.is_empty() => return Target::List,
        Some("") => return Target::List,
        Some(below) => below,
        None => return Target::Elsewhere,
    };
    let (id, own) = match below.find('/') {
        None => return Target::Plugin(below),
        Some(slash) => below.split_at(slash),
    };
    if !is_safe(own) {
        return Target::Invalid;
    }
    match own {
        "/" => Target::Plugin(id),
        "/enable" => Target::Action(id, Action::Enable),
        "/disable" => Target::Action(id, Action::Disable),
        "/bundle.js" => Target::Action(id, Action::Bundle),
        "/-" => Target::Reserved(id),
        _ if own.starts_with("/-/") => Target::Reserved(id),
        _ => Target::Route(id, path.len() - own.len()),
    }
}

/// Whether every segment means what it says.
fn is_safe(own: &str) -> bool {
    if own.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return false;
    }
    // The common case has neither dots at the start of a segment nor escapes.
    if !own.contains("/.") && !own.contains('%') {
        return true;
    }
    own.split('/')
        .all(|segment| decode(segment).is_some_and(|decoded| !matches!(&*decoded, b"." | b"..")))
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

#[cfg(test)]
mod tests {
    use super::{Action, Target, parse};

    #[test]
    fn paths_are_taken_apart() {
        let cases = [
            ("/api/plugins", Target::List),
            ("/api/plugins/", Target::List),
            ("/api/plugins/hello", Target::Plugin("hello")),
            ("/api/plugins/hello/", Target::Plugin("hello")),
            (
                "/api/plugins/hello/enable",
                Target::Action("hello", Action::Enable),
            ),
            (
                "/api/plugins/hello/bundle.js",
                Target::Action("hello", Action::Bundle),
            ),
            ("/api/plugins/hello/-/x", Target::Reserved("hello")),
            ("/api/plugins/hello/a/b", Target::Route("hello", 18)),
            ("/api/plugins/hello/enable/", Target::Route("hello", 18)),
            ("/api/pluginsx", Target::Elsewhere),
            ("/other", Target::Elsewhere),
        ];
        for (path, target) in cases {
            assert_eq!(parse(path, "/api/plugins"), target, "{path}");
        }
    }

    #[test]
    fn nothing_disguised_gets_through() {
        for own in [
            "/..",
            "/a/../b",
            "/.",
            "/%2e%2e/x",
            "/%2E.",
            "/a%2fb",
            "/a%5Cb",
            "/a\\b",
            "/%00",
            "/%ff",
            "/%c0%af",
            "/%",
            "/%4",
        ] {
            assert_eq!(
                parse(&format!("/api/plugins/x{own}"), "/api/plugins"),
                Target::Invalid,
                "{own}"
            );
        }
        for own in ["/...", "/.well-known", "/a%20b", "/J%C3%B6rg", "/%252e%252e"] {
            assert!(
                matches!(
                    parse(&format!("/api/plugins/x{own}"), "/api/plugins"),
                    Target::Route("x", _)
                ),
                "{own}"
            );
        }
    }
}
