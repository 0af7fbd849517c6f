//! What the parser of paths promises, said in another way. For tests and fuzzers.

use super::{Action, Target, parse};

/// # Panics
///
/// When the parser breaks a promise for this path.
pub(crate) fn check(path: &str, mount: &str) {
    let target = parse(path, mount);
    let below = path.strip_prefix(mount);
    let is = |text: String| assert_eq!(path, text, "{target:?}");
    match target {
        Target::Elsewhere => assert!(
            below.is_none_or(|below| !below.is_empty() && !below.starts_with('/')),
            "{path:?} is below the mount point"
        ),
        // The parser knows nothing of what lies beside.
        Target::Events | Target::OpenApi => panic!("{path:?} is not below the mount point"),
        Target::List => assert!(matches!(below, Some("" | "/")), "{path:?} is no list"),
        Target::Scan => is(format!("{mount}/-/scan")),
        Target::Plugin(id) => {
            let id = id.of(path);
            assert!(!id.contains('/'), "{path:?}");
            is(format!(
                "{mount}/{id}{}",
                if path.ends_with('/') { "/" } else { "" }
            ));
        }
        Target::Action(id, action) => {
            let name = match action {
                Action::Bundle => "bundle.js",
                Action::Disable => "disable",
                Action::Enable => "enable",
                Action::License => "-/license",
                Action::Storage => "-/storage",
            };
            assert_ne!(id.of(path), "-");
            is(format!("{mount}/{}/{name}", id.of(path)));
        }
        Target::Route(id) => {
            let own = &path[id.end()..];
            assert!(!id.of(path).contains('/') && id.of(path) != "-", "{path:?}");
            is(format!("{mount}/{}{own}", id.of(path)));
            assert!(leads_where_it_says(own), "{own:?} leads elsewhere");
            for reserved in ["/", "/enable", "/disable", "/bundle.js", "/-"] {
                assert_ne!(own, reserved);
            }
            assert!(!own.starts_with("/-/"), "{own:?} belongs to the host");
        }
        Target::Reserved | Target::Invalid => {
            let (id, own) = parts(below.unwrap_or_default());
            let is_reserved = id == "-" || own == "/-" || own.starts_with("/-/");
            let is_harmless = leads_where_it_says(own);
            // What leads somewhere is not refused, and what does not is nobody's, not even the host's.
            assert_eq!(is_harmless, target == Target::Reserved, "{path:?} is {target:?}");
            assert!(!is_harmless || is_reserved, "{path:?} is {target:?}");
        }
    }
}

/// The id and what follows, of a path below the mount point.
fn parts(below: &str) -> (&str, &str) {
    let below = below.strip_prefix('/').unwrap_or(below);
    below.split_at(below.find('/').unwrap_or(below.len()))
}

/// Whether a path means the same to whoever decodes it and removes dot segments (RFC 3986, section 5.2.4), in this order,
/// or takes a backslash for a slash, or ends it at a NUL.
fn leads_where_it_says(own: &str) -> bool {
    let is_plain = own.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(decoded) = decode_all(own).filter(|_| is_plain) else {
        return false;
    };
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    !decoded.contains(['\\', '\0'])
        && slashes(&decoded) == slashes(own)
        && remove_dot_segments(&decoded) == decoded
}

/// Decodes a whole path; `None` when an escape is broken, or for what is no UTF-8.
fn decode_all(text: &str) -> Option<String> {
    let mut pieces = text.split('%');
    let mut decoded = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let escape = piece.get(..2).filter(|escape| !escape.starts_with('+'))?;
        decoded.push(u8::from_str_radix(escape, 16).ok()?);
        decoded.extend_from_slice(&piece.as_bytes()[2..]);
    }
    String::from_utf8(decoded).ok()
}

/// The algorithm of RFC 3986, section 5.2.4, as it is written there.
fn remove_dot_segments(path: &str) -> String {
    let (mut input, mut output) = (path.to_owned(), String::new());
    while !input.is_empty() {
        if let Some(rest) = input.strip_prefix("../").or_else(|| input.strip_prefix("./")) {
            input = rest.to_owned();
        } else if input.starts_with("/./") || input == "/." {
            input = format!("/{}", input.get(3..).unwrap_or_default());
        } else if input.starts_with("/../") || input == "/.." {
            input = format!("/{}", input.get(4..).unwrap_or_default());
            output.truncate(output.rfind('/').unwrap_or_default());
        } else if input == "." || input == ".." {
            input.clear();
        } else {
            let start = usize::from(input.starts_with('/'));
            let end = input[start..].find('/').map_or(input.len(), |at| at + start);
            output.push_str(&input[..end]);
            input.drain(..end);
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::{check, leads_where_it_says, remove_dot_segments};

    const MOUNT: &str = "/api/plugins";

    #[test]
    fn the_other_way_knows_good_from_bad() {
        assert_eq!(remove_dot_segments("/a/b/c/./../../g"), "/a/g");
        assert_eq!(remove_dot_segments("mid/content=5/../6"), "mid/6");
        for bad in [
            "/..",
            "/%2e",
            "/a/%2E%2e/b",
            "/a%2fb",
            "/a%5cb",
            "/%00",
            "/%zz",
            "/%+1",
            "/%c0%ae",
            "/ä",
        ] {
            assert!(!leads_where_it_says(bad), "{bad}");
        }
        for good in [
            "",
            "/",
            "//",
            "/...",
            "/..;/x",
            "/%252e",
            "/%c3%a4",
            "/.well-known",
        ] {
            assert!(leads_where_it_says(good), "{good}");
        }
    }

    #[test]
    fn promises_are_kept_for_the_seeds_of_the_fuzzer() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/path");
        let Ok(seeds) = std::fs::read_dir(&corpus) else {
            // The published crate comes without them.
            println!("skipped: no corpus at {corpus:?}");
            return;
        };
        let mut count = 0;
        for seed in seeds {
            let bytes = std::fs::read(seed.unwrap().path()).unwrap();
            check(&String::from_utf8_lossy(&bytes), MOUNT);
            count += 1;
        }
        assert!(count > 0, "no seeds");
    }

    #[test]
    fn promises_are_kept_for_all_short_paths_of_what_matters() {
        const PIECES: [&str; 17] = [
            "/", "//", ".", "..", "%2e", "%2E", "%2f", "%5c", "%00", "%25", "%", "\\", "-", "enable", "scan",
            "a", ";",
        ];
        let mut paths = vec![String::new()];
        for _ in 0..4 {
            let longer = |path: &String| PIECES.map(|piece| format!("{path}{piece}"));
            paths = paths.iter().flat_map(longer).collect();
            for path in &paths {
                check(&format!("{MOUNT}{path}"), MOUNT);
                check(&format!("{MOUNT}/a/{path}"), MOUNT);
            }
        }
    }

    proptest! {
        #[test]
        fn promises_are_kept_for_paths_of_all_kinds(path in "(/api/plugins)?[ -~\u{e9}]{0,40}", any in any::<String>()) {
            check(&path, MOUNT);
            check(&any, MOUNT);
            check(&format!("{MOUNT}/x/{any}"), MOUNT);
        }
    }
}
