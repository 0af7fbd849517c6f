//! The golden layout, read from `layout.txt` and written as assertions in C.

use std::fmt::Write as _;

use crate::Result;

/// One module of the contract, which is one area of the header.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) structs: Vec<Struct>,
    /// Names and values as Rust prints them.
    pub(crate) constants: Vec<(String, String)>,
}

/// Size, alignment and offsets in bytes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Struct {
    pub(crate) name: String,
    size: u64,
    align: u64,
    fields: Vec<(String, u64)>,
}

impl Module {
    /// Whether a struct or a constant of that name belongs to the module.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.value(name).is_some() || self.structs.iter().any(|item| item.name == name)
    }

    /// A constant's value, as Rust prints it.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let constant = self.constants.iter().find(|(constant, _)| constant == name);
        constant.map(|(_, value)| value.as_str())
    }
}

/// Reads the file that the layout test of `toru-plugin-api` writes.
pub(crate) fn parse(text: &str) -> Result<Vec<Module>> {
    let mut modules: Vec<Module> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        entry(&mut modules, line)
            .ok_or_else(|| format!("line {} of the layout is not understood", number + 1))?;
    }
    Ok(modules)
}

fn entry(modules: &mut Vec<Module>, line: &str) -> Option<()> {
    if let Some(name) = line.strip_prefix("mod ") {
        modules.push(Module {
            name: name.to_owned(),
            ..Module::default()
        });
        return Some(());
    }
    let module = modules.last_mut()?;
    if let Some(rest) = line.strip_prefix("struct ") {
        let (name, rest) = rest.split_once(" size ")?;
        let (size, align) = rest.split_once(" align ")?;
        let (size, align) = (size.parse().ok()?, align.parse().ok()?);
        module.structs.push(Struct {
            name: name.to_owned(),
            size,
            align,
            fields: Vec::new(),
        });
    } else if let Some(rest) = line.strip_prefix("const ") {
        let (name, value) = rest.split_once(' ')?;
        module.constants.push((name.to_owned(), value.to_owned()));
    } else {
        let (field, offset) = line.strip_prefix("  ")?.split_once(' ')?;
        module
            .structs
            .last_mut()?
            .fields
            .push((field.to_owned(), offset.parse().ok()?));
    }
    Some(())
}

/// A constant's name in C.
pub(crate) fn c_name(constant: &str) -> String {
    if constant.starts_with("TORU_") {
        return constant.to_owned();
    }
    match constant.strip_prefix("NOTE_") {
        Some(rest) => format!("TORU_NOTE_{rest}"),
        None if constant == "CREATE_PLUGIN_SYMBOL" => format!("TORU_{constant}"),
        None => format!("TORU_NOTE_{constant}"),
    }
}

/// Assertions of every size, alignment, offset and number.
pub(crate) fn assertions(modules: &[Module]) -> String {
    let mut out = String::new();
    for module in modules {
        for Struct {
            name,
            size,
            align,
            fields,
        } in &module.structs
        {
            let _ = writeln!(out, "TORU_LAYOUT_({name}, {size}, {align})");
            for (field, offset) in fields {
                let _ = writeln!(out, "TORU_OFFSET_({name}, {field}, {offset})");
            }
        }
        for (name, value) in &module.constants {
            if value.parse::<u64>().is_ok() {
                let _ = writeln!(out, "TORU_NUMBER_({}, {value})", c_name(name));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# a comment\n\nmod bytes\nstruct ToruSlice size 16 align 8\n  ptr 0\n  len 8\n\
                        mod note\nconst NOTE_FORMAT 1\nconst NOTE_OWNER [84, 0]\nconst TORU_KV_ID \"toru.kv/1\"\n";

    #[test]
    fn layout_is_read() {
        let modules = parse(TEXT).unwrap();
        assert_eq!(modules.len(), 2);
        let slice = &modules[0].structs[0];
        assert_eq!(
            (slice.name.as_str(), slice.size, slice.align),
            ("ToruSlice", 16, 8)
        );
        assert_eq!(slice.fields, [("ptr".to_owned(), 0), ("len".to_owned(), 8)]);
        assert_eq!(modules[1].constants.len(), 3);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "struct A size 1 align 1",
            "mod a\nfield 1",
            "mod a\n  field 1",
            "mod a\nstruct A size x align 1",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn numbers_are_asserted() {
        let modules = parse(TEXT).unwrap();
        assert_eq!(
            assertions(&modules)
                .lines()
                .filter(|line| !line.is_empty())
                .collect::<Vec<_>>(),
            [
                "TORU_LAYOUT_(ToruSlice, 16, 8)",
                "TORU_OFFSET_(ToruSlice, ptr, 0)",
                "TORU_OFFSET_(ToruSlice, len, 8)",
                "TORU_NUMBER_(TORU_NOTE_FORMAT, 1)",
            ]
        );
    }

    #[test]
    fn constants_of_the_note_get_its_prefix() {
        assert_eq!(c_name("TORU_DONE"), "TORU_DONE");
        assert_eq!(c_name("NOTE_MAX"), "TORU_NOTE_MAX");
        assert_eq!(c_name("TAG_ID"), "TORU_NOTE_TAG_ID");
        assert_eq!(c_name("CREATE_PLUGIN_SYMBOL"), "TORU_CREATE_PLUGIN_SYMBOL");
    }
}
