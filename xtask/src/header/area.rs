//! One module of the contract as one area of the header.

use std::fmt::Write as _;
use std::path::Path;

use cbindgen::{Builder, Config, DocumentationLength, DocumentationStyle, Language, Style};

use super::layout::{Module, c_name};
use super::prose::{self, WIDTH};
use crate::Result;

/// The area: a banner with the module's prose, then constants and structs in the order of the source.
pub(crate) fn render(source: &Path, module: &Module) -> Result<String> {
    let rust = std::fs::read_to_string(source)?;
    let c = tidy(&items(source, module)?);
    let mut out = banner(&module_docs(&rust));
    for item in order(&rust) {
        let Some(text) = find(&c, item.name)
            .map(str::to_owned)
            .or_else(|| by_value(module, &item))
        else {
            if module.declares(item.name) {
                return Err(format!("{} of {} was not translated", item.name, source.display()).into());
            }
            continue;
        };
        if item.stands_apart {
            out.push('\n');
        }
        out.push_str(text.trim());
        out.push('\n');
    }
    Ok(out)
}

/// The item of that name in what cbindgen wrote, with its comment.
fn find<'a>(c: &'a str, name: &str) -> Option<&'a str> {
    let heads = [
        format!("#define {} ", c_name(name)),
        format!("struct {name} {{"),
        format!("typedef uint32_t (*Toru{name})"),
    ];
    c.split("\n\n").find(|chunk| {
        let code = chunk
            .lines()
            .find(|line| !line.is_empty() && !line.starts_with("//"));
        heads
            .iter()
            .any(|head| code.is_some_and(|code| code.starts_with(head)))
    })
}

/// A constant that cbindgen cannot translate: a text, or an array of bytes as an initialiser.
fn by_value(module: &Module, item: &Item<'_>) -> Option<String> {
    let value = module.value(item.name)?;
    let value = match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(bytes) => format!("{{{bytes}}}"),
        None => value.starts_with('"').then(|| value.to_owned())?,
    };
    Some(format!(
        "{}#define {} {value}",
        prose::comment(&item.docs, 0),
        c_name(item.name)
    ))
}

/// A public item of a source file.
#[derive(Debug, PartialEq)]
struct Item<'a> {
    name: &'a str,
    docs: String,
    /// An empty line stands before it.
    stands_apart: bool,
}

fn order(source: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut stands_apart = true;
    let mut docs = String::new();
    for line in source.lines() {
        stands_apart |= line.is_empty();
        let heads = ["pub const ", "pub struct ", "pub type "];
        if let Some(text) = line.strip_prefix("///") {
            docs.push_str(text.strip_prefix(' ').unwrap_or(text));
            docs.push('\n');
        } else if let Some(rest) = heads.iter().find_map(|head| line.strip_prefix(head)) {
            let end = rest
                .find(|c: char| c != '_' && !c.is_alphanumeric())
                .unwrap_or(rest.len());
            items.push(Item {
                name: &rest[..end],
                docs: std::mem::take(&mut docs),
                stands_apart,
            });
            stands_apart = false;
        } else if !line.starts_with("#[") {
            docs.clear();
        }
    }
    items
}

/// The module's own documentation: its leading `//!` lines.
pub(crate) fn module_docs(source: &str) -> String {
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    lines
        .map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line)))
        .collect()
}

fn banner(docs: &str) -> String {
    let (title, body) = docs.split_once("\n\n").unwrap_or((docs, ""));
    let rule = "-".repeat(WIDTH - 3);
    let title = prose::comment(title.trim_end().trim_end_matches('.'), 0);
    let mut out = format!("\n// {rule}\n{title}// {rule}\n");
    if !body.is_empty() {
        let _ = write!(out, "//\n{}", prose::comment(body, 0));
    }
    out
}

/// What cbindgen makes of the module. Structs come without `typedef`; those stand before all areas.
fn items(source: &Path, module: &Module) -> Result<String> {
    let mut config = Config {
        language: Language::C,
        style: Style::Tag,
        documentation_style: DocumentationStyle::C99,
        documentation_length: DocumentationLength::Full,
        no_includes: true,
        usize_is_size_t: true,
        line_length: WIDTH,
        tab_width: 4,
        ..Config::default()
    };
    config.export.include = module.structs.iter().map(|item| item.name.clone()).collect();
    config.export.include.push("CreatePlugin".to_owned());
    let constants = module
        .constants
        .iter()
        .map(|(name, _)| (name.clone(), c_name(name)));
    config.export.rename = constants.collect();
    config
        .export
        .rename
        .insert("CreatePlugin".to_owned(), "ToruCreatePlugin".to_owned());

    let bindings = Builder::new().with_config(config).with_src(source).generate()?;
    let mut text = Vec::new();
    bindings.write(&mut text);
    Ok(String::from_utf8(text)?)
}

/// Refills the comments, drops the `struct` of mentions, and puts a gap between items.
fn tidy(items: &str) -> String {
    let mut out = String::new();
    let mut docs: Vec<&str> = Vec::new();
    for line in items.lines() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if let Some(text) = code.strip_prefix("//") {
            docs.push(text.strip_prefix(' ').unwrap_or(text));
            continue;
        }
        if !docs.is_empty() {
            out.push_str(&prose::comment(&docs.join("\n"), indent));
            docs.clear();
        }
        if line.starts_with("struct ") {
            out.push_str(line);
        } else if let Some(define) = in_hexadecimal(line) {
            out.push_str(&define);
        } else {
            out.push_str(&line.replace("struct Toru", "Toru"));
        }
        out.push('\n');
    }
    out
}

/// A definition of a number so great that it is a pattern of bits, written as one.
fn in_hexadecimal(line: &str) -> Option<String> {
    let (define, value) = line.rsplit_once(' ').filter(|_| line.starts_with("#define "))?;
    let value: u64 = value.parse().ok().filter(|value| *value > 0xFF_FFFF)?;
    Some(format!("{define} 0x{value:X}"))
}

/// The declaration of `create_plugin`, made from its type.
pub(crate) fn declare_create_plugin(area: &str) -> Result<String> {
    let (_, rest) = area
        .split_once("typedef uint32_t (*ToruCreatePlugin)")
        .ok_or("the type of create_plugin was not generated")?;
    let (parameters, _) = rest
        .split_once(';')
        .ok_or("the type of create_plugin does not end")?;
    Ok(format!(
        "\n// The one exported function.\nTORU_EXPORT uint32_t create_plugin{parameters};\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_of_a_module_is_its_first_lines() {
        assert_eq!(
            module_docs("//! Title.\n//!\n//! Body.\n\nuse a;\n//! not this\n"),
            "Title.\n\nBody.\n"
        );
    }

    #[test]
    fn items_come_in_the_order_of_the_source() {
        let source =
            "/// A.\npub const A: u32 = 1;\n/// B.\npub const B: u32 = 2;\n\n#[repr(C)]\npub struct C {\n}\n";
        let items: Vec<_> = order(source)
            .iter()
            .map(|item| (item.name, item.stands_apart))
            .collect();
        assert_eq!(items, [("A", true), ("B", false), ("C", true)]);
        assert_eq!(order(source)[1].docs, "B.\n");
    }

    #[test]
    fn texts_and_arrays_are_defined_by_their_values() {
        let constant = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let constants = vec![
            constant("TORU_KV_ID", "\"toru.kv/1\""),
            constant("NOTE_OWNER", "[84, 0]"),
            constant("TORU_DONE", "0"),
        ];
        let module = Module {
            constants,
            ..Module::default()
        };
        let define = |name| {
            by_value(
                &module,
                &Item {
                    name,
                    docs: "Id.\n".to_owned(),
                    stands_apart: true,
                },
            )
        };
        assert_eq!(
            define("TORU_KV_ID").unwrap(),
            "// Id.\n#define TORU_KV_ID \"toru.kv/1\""
        );
        assert_eq!(
            define("NOTE_OWNER").unwrap(),
            "// Id.\n#define TORU_NOTE_OWNER {84, 0}"
        );
        assert_eq!(define("TORU_DONE"), None);
    }

    #[test]
    fn patterns_of_bits_are_hexadecimal() {
        assert_eq!(
            in_hexadecimal("#define A 1414484529").unwrap(),
            "#define A 0x544F5231"
        );
        assert_eq!(in_hexadecimal("#define A 1024"), None);
        assert_eq!(in_hexadecimal("    uint32_t size;"), None);
    }

    #[test]
    fn mentions_of_structs_lose_the_keyword() {
        let items = "// A [`ToruA`].\nstruct ToruA {\n    const struct ToruB *b;\n};\n";
        assert_eq!(
            tidy(items),
            "// A ToruA.\nstruct ToruA {\n    const ToruB *b;\n};\n"
        );
    }

    #[test]
    fn the_exported_function_is_declared_as_its_type_says() {
        let area = "typedef uint32_t (*ToruCreatePlugin)(const ToruLoader *loader);\n\n#define A 1\n";
        let text = declare_create_plugin(area).unwrap();
        assert!(
            text.ends_with("TORU_EXPORT uint32_t create_plugin(const ToruLoader *loader);\n"),
            "{text}"
        );
        assert!(declare_create_plugin("").is_err());
    }
}
