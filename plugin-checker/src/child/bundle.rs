//! Whether the plugin's script registers the plugin, as far as its text tells.

/// Where scripts register plugins.
const REGISTRY: &[u8] = b"ToruPlugins";

/// What a script seems to register.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Registered {
    /// The id stands in it, as a word of its own, and so does the registry.
    Id,
    /// It registers something, but the id does not stand in it.
    Other,
    Nothing,
}

/// Reads a script. It is not run: a script that puts the id together from parts would be misunderstood.
pub(super) fn registered(script: &[u8], id: &str) -> Registered {
    if places(script, REGISTRY).next().is_none() {
        Registered::Nothing
    } else if places(script, id.as_bytes()).any(|at| is_word(script, at, id.len())) {
        Registered::Id
    } else {
        Registered::Other
    }
}

fn places<'a>(text: &'a [u8], part: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    text.windows(part.len())
        .enumerate()
        .filter(move |(_, window)| *window == part)
        .map(|(at, _)| at)
}

/// Neither a part of another id nor of a path or a class.
fn is_word(text: &[u8], at: usize, len: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| text.get(at));
    let quote = |byte: Option<&u8>| byte.filter(|byte| b"\"'`".contains(byte)).copied();
    let behind = text.get(at + len);
    let is_quoted = quote(before).is_some() && quote(before) == quote(behind);
    let is_member = before == Some(&b'.') && behind.is_none_or(|byte| !is_part_of_a_name(*byte));
    is_quoted || is_member
}

const fn is_part_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_ways_to_register_are_understood() {
        for script in [
            "(window.ToruPlugins ??= {}).hello = hello;",
            "window.ToruPlugins=window.ToruPlugins||{};window.ToruPlugins.hello={mount(){}}",
            "window.ToruPlugins[\"hello\"]={}",
            "const id='hello';(window.ToruPlugins??={})[id]={}",
            "window.ToruPlugins[`hello`]={}",
        ] {
            assert_eq!(registered(script.as_bytes(), "hello"), Registered::Id, "{script}");
        }
        let script = b"(window.ToruPlugins??={})[\"system-monitor\"]=a";
        assert_eq!(registered(script, "system-monitor"), Registered::Id);
    }

    #[test]
    fn another_id_is_not_taken_for_it() {
        for script in [
            "window.ToruPlugins.other = {}; container.className = 'toru-hello'",
            "window.ToruPlugins['hello-2'] = {}",
            "window.ToruPlugins.hello2 = {}",
            "window.ToruPlugins.other = {}; fetch('/hello')",
        ] {
            assert_eq!(
                registered(script.as_bytes(), "hello"),
                Registered::Other,
                "{script}"
            );
        }
        for script in ["", "export {}", "window.hello = {}"] {
            assert_eq!(
                registered(script.as_bytes(), "hello"),
                Registered::Nothing,
                "{script}"
            );
        }
    }
}
