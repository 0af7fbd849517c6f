//! What a path asks for.

use super::authorize::Access;
#[cfg(test)]
use super::endpoint::Endpoint;

#[cfg(any(test, fuzzing))]
pub(crate) mod promises;

/// A path, taken apart. It names places in the path instead of borrowing them, so that the request can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// The list of plugins.
    List,
    /// One plugin.
    Plugin(Id),
    /// What the host itself offers of a plugin.
    Action(Id, Action),
    /// A route of the plugin; its own path starts where the id ends.
    Route(Id),
    /// A path that belongs to the host but means nothing yet.
    Reserved,
    /// A new look at the plugins folder.
    Scan,
    /// What changes, as it happens.
    Events,
    /// What the API is, for programs.
    OpenApi,
    /// A path that no route can have.
    Invalid,
    /// A path that is not below the mount point.
    Elsewhere,
}

impl Target {
    /// What a request for it wants, for the authoriser.
    #[inline]
    pub(super) fn access(self, path: &str) -> Access<'_> {
        match self {
            Self::Action(_, Action::Disable | Action::Enable | Action::License | Action::Storage)
            | Self::Scan
            | Self::Reserved => Access::Manage,
            Self::Action(id, Action::Bundle) | Self::Route(id) => Access::Use { plugin: id.of(path) },
            Self::List | Self::Plugin(_) | Self::Events | Self::OpenApi | Self::Invalid | Self::Elsewhere => {
                Access::Read
            }
        }
    }
}

#[cfg(test)]
impl Target {
    /// What answers; `None` for what nothing answers.
    pub(super) const fn endpoint(self) -> Option<Endpoint> {
        Some(match self {
            Self::List => Endpoint::List,
            Self::Plugin(_) => Endpoint::Plugin,
            Self::Action(_, Action::Bundle) => Endpoint::Bundle,
            Self::Action(_, Action::Disable) => Endpoint::Disable,
            Self::Action(_, Action::Enable) => Endpoint::Enable,
            Self::Action(_, Action::License) => Endpoint::License,
            Self::Action(_, Action::Storage) => Endpoint::Storage,
            Self::Route(_) => Endpoint::Route,
            Self::Scan => Endpoint::Scan,
            Self::Events => Endpoint::Events,
            Self::OpenApi => Endpoint::OpenApi,
            Self::Reserved | Self::Invalid | Self::Elsewhere => return None,
        })
    }
}

/// Where in a path a plugin's id stands. Small, since it moves with every request; no URI is longer than these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    start: u16,
    end: u16,
}

impl Id {
    fn new(start: usize, end: usize) -> Option<Self> {
        Some(Self {
            start: start.try_into().ok()?,
            end: end.try_into().ok()?,
        })
    }

    /// Offset behind the id.
    pub(super) fn end(self) -> usize {
        self.end.into()
    }

    /// The id's text, in the path from which it was taken.
    pub(super) fn of(self, path: &str) -> &str {
        path.get(self.start.into()..self.end.into()).unwrap_or_default()
    }
}

/// What the host itself offers below a plugin's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Bundle,
    Disable,
    Enable,
    License,
    Storage,
}

/// Paths that lie beside the base path, or wherever the application wants them.
#[derive(Clone, Debug)]
pub(super) struct Beside {
    pub(super) events: String,
    pub(super) openapi: String,
}

impl Beside {
    pub(super) fn new(base: &str) -> Self {
        let parent = base.rsplit_once('/').map_or("", |(parent, _)| parent);
        Self {
            events: format!("{parent}/plugin-events"),
            openapi: format!("{parent}/plugins-openapi.json"),
        }
    }

    /// What one of these paths asks for.
    pub(super) fn find(&self, path: &str) -> Option<Target> {
        match path {
            path if path == self.events => Some(Target::Events),
            path if path == self.openapi => Some(Target::OpenApi),
            _ => None,
        }
    }
}

const FORBIDDEN: u8 = 1;
const DOT: u8 = 2;
const ESCAPE: u8 = 4;

/// What each byte means in a path.
static CLASSES: [u8; 256] = {
    let mut classes = [FORBIDDEN; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        classes[byte as usize] = match byte {
            b'\\' => FORBIDDEN,
            b'.' => DOT,
            b'%' => ESCAPE,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// Takes a raw path apart. Dot segments, encoded or not, and encoded separators are invalid, so that nobody downstream
/// can disagree about where the path leads.
pub(super) fn parse(path: &str, mount: &str) -> Target {
    let Some(below) = path.strip_prefix(mount) else {
        return Target::Elsewhere;
    };
    let below = match below.strip_prefix('/') {
        _ if below.is_empty() => return Target::List,
        Some("") => return Target::List,
        Some(below) => below,
        None => return Target::Elsewhere,
    };
    let start = path.len() - below.len();
    let (id, own) = match below.bytes().position(|byte| byte == b'/') {
        None => {
            return Id::new(start, path.len()).map_or(Target::Invalid, Target::Plugin);
        }
        Some(slash) => (Id::new(start, start + slash), &path[start + slash..]),
    };
    let Some(id) = id else {
        return Target::Invalid;
    };
    if !is_safe(own) {
        return Target::Invalid;
    }
    // No plugin can have this id.
    if below.starts_with("-/") {
        return if own == "/scan" {
            Target::Scan
        } else {
            Target::Reserved
        };
    }
    match own {
        "/" => Target::Plugin(id),
        "/enable" => Target::Action(id, Action::Enable),
        "/disable" => Target::Action(id, Action::Disable),
        "/bundle.js" => Target::Action(id, Action::Bundle),
        _ if own.as_bytes().get(1) == Some(&b'-') => below_dash(own, id),
        _ => Target::Route(id),
    }
}

/// What lies below `-` belongs to the host; a plugin may have paths that only begin with it.
#[cold]
fn below_dash(own: &str, id: Id) -> Target {
    match own {
        "/-/license" => Target::Action(id, Action::License),
        "/-/storage" => Target::Action(id, Action::Storage),
        "/-" => Target::Reserved,
        _ if own.starts_with("/-/") => Target::Reserved,
        _ => Target::Route(id),
    }
}

/// Whether every segment means what it says.
fn is_safe(own: &str) -> bool {
    // What any byte is, taken together: the common case is plain all over and needs no second look.
    let seen = own
        .bytes()
        .fold(0, |seen, byte| seen | CLASSES[usize::from(byte)]);
    if seen & (FORBIDDEN | DOT | ESCAPE) == 0 {
        return true;
    }
    let is_dot = |segment: &[u8]| matches!(segment, b"." | b"..");
    seen & FORBIDDEN == 0
        && own
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

#[cfg(test)]
mod tests {
    use super::{Action, Beside, Id, Target, parse};

    #[test]
    fn paths_are_taken_apart() {
        let hello = Id { start: 13, end: 18 };
        assert_eq!(hello.of("/api/plugins/hello/a"), "hello");
        let cases = [
            ("/api/plugins", Target::List),
            ("/api/plugins/", Target::List),
            ("/api/plugins/hello", Target::Plugin(hello)),
            ("/api/plugins/hello/", Target::Plugin(hello)),
            ("/api/plugins/hello/enable", Target::Action(hello, Action::Enable)),
            (
                "/api/plugins/hello/bundle.js",
                Target::Action(hello, Action::Bundle),
            ),
            ("/api/plugins/hello/-/x", Target::Reserved),
            (
                "/api/plugins/hello/-/storage",
                Target::Action(hello, Action::Storage),
            ),
            (
                "/api/plugins/hello/-/license",
                Target::Action(hello, Action::License),
            ),
            ("/api/plugins/hello/-/storage/", Target::Reserved),
            ("/api/plugins/-/-/storage", Target::Reserved),
            ("/api/plugins/-/scan", Target::Scan),
            ("/api/plugins/-/scan/", Target::Reserved),
            ("/api/plugins/-/enable", Target::Reserved),
            ("/api/plugins/hello/a/b", Target::Route(hello)),
            ("/api/plugins/hello/-a/b", Target::Route(hello)),
            ("/api/plugins/hello/enable/", Target::Route(hello)),
            ("/api/pluginsx", Target::Elsewhere),
            ("/other", Target::Elsewhere),
        ];
        for (path, target) in cases {
            assert_eq!(parse(path, "/api/plugins"), target, "{path}");
        }
    }

    #[test]
    fn what_lies_beside_has_the_same_parent() {
        for (base, events) in [
            ("/api/plugins", "/api/plugin-events"),
            ("/plugins", "/plugin-events"),
            ("", "/plugin-events"),
            ("/a/b/c", "/a/b/plugin-events"),
        ] {
            let beside = Beside::new(base);
            assert_eq!(beside.find(events), Some(Target::Events), "{base}");
            assert_eq!(beside.find(&format!("{events}/")), None);
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
                    Target::Route(_)
                ),
                "{own}"
            );
        }
    }
}
