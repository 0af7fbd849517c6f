//! Every function says which threads may call it.

/// One of these ends a description; `[no-block]` may follow.
const THREADS: [&str; 3] = ["[control]", "[op]", "[thread-safe]"];

/// Names of the functions whose comments lack the tag. Callbacks among the arguments are told by the function's own.
pub(super) fn untagged(header: &str) -> Vec<&str> {
    let mut missing = Vec::new();
    let mut comment = String::new();
    for line in header.lines() {
        if let Some(text) = line.trim_start().strip_prefix("//") {
            comment.push_str(text);
            continue;
        }
        if let Some(name) = function(line)
            && !THREADS.iter().any(|tag| comment.contains(tag))
        {
            missing.push(name);
        }
        comment.clear();
    }
    missing
}

/// The name in `type (*name)(…`, as a field of a table or as a type of its own.
fn function(line: &str) -> Option<&str> {
    let indentation = line.len() - line.trim_start().len();
    let (_, rest) = line.split_once("(*")?;
    let (name, _) = rest.split_once(")(")?;
    (indentation <= 4).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::untagged;

    #[test]
    fn a_function_without_a_tag_is_named() {
        let header = "struct A {\n    // Frees it. [control]\n    void (*release)(A *a);\n    // Size.\n    \
                      uint32_t size;\n    // Waits.\n    // For long.\n    uint32_t (*wait)(A *a,\n                     \
                      void (*callback)(void *data));\n    void (*drop)(A *a);\n};\n";
        assert_eq!(untagged(header), ["wait", "drop"]);
        let told = header.replace("long.", "long. [op] [no-block]");
        assert_eq!(untagged(&told), ["drop"]);
    }

    #[test]
    fn a_type_of_a_function_needs_one_too() {
        assert_eq!(
            untagged("// Makes it.\ntypedef uint32_t (*ToruMake)(int a);\n"),
            ["ToruMake"]
        );
    }
}
