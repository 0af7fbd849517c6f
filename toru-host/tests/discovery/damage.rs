use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use toru_host::discovery::{Policy, elf, lint, seal};

use crate::damaged::damaged;
use crate::support::{BULK, ENTRY, Note, Place, Random, cases, check_bytes, code};

/// A C library with every table that the lint walks.
pub(crate) fn c_library(place: &Place) -> Option<Vec<u8>> {
    let source = ENTRY.to_owned() + BULK;
    let path = place.library(
        "damaged.so",
        &Note::new("hello"),
        &source,
        &["-Wl,--hash-style=both"],
    )?;
    Some(fs::read(path).unwrap())
}

/// A library with Rust's standard library inside.
pub(crate) fn rust_library(place: &Place) -> Option<Vec<u8>> {
    let bytes: Vec<_> = Note::new("hello").elf();
    let source = format!(
        "#[repr(C, align(4))] pub struct Note([u8; {len}]);\n\
         #[used] #[unsafe(link_section = \".note.toru\")] static NOTE: Note = Note({bytes:?});\n\
         thread_local! {{ static T: std::cell::RefCell<String> = const {{ std::cell::RefCell::new(String::new()) }}; }}\n\
         #[unsafe(no_mangle)] pub extern \"C\" fn create_plugin(n: u32) -> u32 {{\n\
         T.with_borrow_mut(|t| {{ t.push_str(&format!(\"{{n}}\")); t.len() as u32 }}) }}\n",
        len = bytes.len(),
    );
    let (input, output) = (place.root().join("hello.rs"), place.root().join("libhello.so"));
    fs::write(&input, source).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let built = Command::new(rustc)
        .args([
            "--edition=2024",
            "--crate-type=cdylib",
            "-Copt-level=1",
            "-Cstrip=symbols",
            "-o",
        ])
        .arg(&output)
        .arg(&input)
        .output();
    match built {
        Ok(built) if built.status.success() => Some(fs::read(output).unwrap()),
        Ok(built) => panic!("{}", String::from_utf8_lossy(&built.stderr)),
        Err(error) => {
            println!("skipped: no rustc: {error}");
            None
        }
    }
}

fn libraries() -> Vec<Vec<u8>> {
    let place = Place::new();
    [c_library(&place), rust_library(&place)]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn a_rust_library_passes() {
    let place = Place::new();
    let Some(library) = rust_library(&place) else {
        return;
    };
    check_bytes(&library, &Policy::default()).unwrap();
    assert_eq!(lint::check(&library, &Policy::default()).unwrap(), []);
}

#[test]
fn l03_a_truncated_library_is_refused_wherever_it_ends() {
    for library in libraries() {
        check_bytes(&library, &Policy::default()).unwrap();
        let page_ends = (0..library.len()).step_by(4096);
        let mut random = Random::new();
        let others: Vec<_> = (0..cases(200, 5000))
            .map(|_| random.below(library.len()))
            .collect();
        for len in page_ends.chain(others).chain([library.len() - 1]) {
            let code = code(&check_bytes(&library[..len], &Policy::default()));
            let expected = if len < 64 {
                "not_a_library"
            } else {
                "malformed_library"
            };
            assert_eq!(code, expected, "{len} of {} bytes", library.len());
        }
    }
}

#[test]
fn l03_random_changes_never_make_the_checks_panic() {
    let mut random = Random::new();
    for library in libraries() {
        let mut codes = BTreeMap::<_, usize>::new();
        for _ in 0..cases(2000, 200_000) {
            let bad = damaged(&library, &mut random);
            if bad == library {
                continue;
            }
            let verdict = check_bytes(&bad, &Policy::default());
            // Each alone as well: the first one's refusal must not shield the others.
            let _ = lint::check(&bad, &Policy::default());
            let _ = elf::find_note(bad.as_slice());
            *codes.entry(code(&verdict)).or_default() += 1;
        }
        println!("{} bytes: {codes:?}", library.len());
        let (total, ok) = (
            codes.values().sum::<usize>(),
            codes.get("ok").copied().unwrap_or(0),
        );
        assert!(ok * 2 < total, "most damage to tables is found: {codes:?}");
    }
}

#[test]
fn l03_a_sealed_library_with_any_changed_byte_is_refused() {
    let place = Place::new();
    let Some(mut library) = c_library(&place) else {
        return;
    };
    seal::seal(&mut library).unwrap();
    check_bytes(&library, &Policy::default()).unwrap();
    let mut random = Random::new();
    // Every byte of the headers, then samples, or every byte of the file.
    let samples: Vec<_> = match cases(0, 1) {
        0 => (0..1500).map(|_| random.below(library.len())).collect(),
        _ => (1024..library.len()).collect(),
    };
    let found = elf::find_note(library.as_slice()).unwrap();
    let seal_at = usize::try_from(found.offset).unwrap() + 32;
    for at in (0..1024).chain(seal_at..seal_at + 32).chain(samples) {
        let change = random.next().to_le_bytes()[0] | 1;
        library[at] ^= change;
        assert!(
            check_bytes(&library, &Policy::default()).is_err(),
            "byte {at} ^ {change:#x}"
        );
        library[at] ^= change;
    }
    check_bytes(&library, &Policy::default()).unwrap();
}
