use super::*;
use crate::discovery::DiscoverError;

/// A library of a header and one segment of a kind, with `content` behind.
fn library(kind: u32, align: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x7FELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    let put =
        |bytes: &mut Vec<u8>, at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    let machine = if cfg!(target_arch = "aarch64") {
        EM_AARCH64
    } else {
        EM_X86_64
    };
    put(&mut bytes, 16, &ET_DYN.to_le_bytes());
    put(&mut bytes, 18, &machine.to_le_bytes());
    put(&mut bytes, 20, &1_u32.to_le_bytes());
    put(&mut bytes, 32, &64_u64.to_le_bytes());
    for (at, value) in [(52, 64_u16), (54, 56), (56, 1)] {
        put(&mut bytes, at, &value.to_le_bytes());
    }
    bytes.extend(kind.to_le_bytes());
    bytes.extend(PF_R.to_le_bytes());
    let len = content.len() as u64;
    for word in [120, 120, 0, len, len, align] {
        bytes.extend(word.to_le_bytes());
    }
    bytes.extend(content);
    bytes
}

fn note(owner: &[u8], kind: u32, descriptor: &[u8], align: usize) -> Vec<u8> {
    let mut bytes = u32::try_from(owner.len()).unwrap().to_le_bytes().to_vec();
    bytes.extend(u32::try_from(descriptor.len()).unwrap().to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(owner);
    bytes.resize(bytes.len().next_multiple_of(align), 0);
    bytes.extend(descriptor);
    bytes.resize(bytes.len().next_multiple_of(align), 0);
    bytes
}

fn found(bytes: &[u8]) -> Result<FoundNote, DiscoverError> {
    find_note(bytes)
}

#[test]
fn the_note_is_found_behind_others_whatever_the_alignment() {
    for (announced, align) in [(4, 4), (8, 8), (0, 4), (1, 4), (32, 4)] {
        let mut notes = note(b"GNU\0", 3, b"build id", align);
        notes.extend(note(&NOTE_OWNER, NOTE_TYPE, b"descriptor", align));
        let bytes = library(PT_NOTE, announced, &notes);
        let found = found(&bytes).unwrap();
        assert_eq!(found.descriptor, b"descriptor", "alignment {announced}");
        assert!(bytes[usize::try_from(found.offset).unwrap()..].starts_with(b"descriptor"));
    }
}

#[test]
fn other_owners_and_types_are_not_it() {
    let mut notes = note(b"Toru", NOTE_TYPE, b"descriptor", 4);
    notes.extend(note(&NOTE_OWNER, NOTE_TYPE + 1, b"descriptor", 4));
    assert_eq!(
        found(&library(PT_NOTE, 4, &notes)).unwrap_err().code(),
        "not_a_plugin"
    );
}

#[test]
fn two_notes_are_refused() {
    let notes = note(&NOTE_OWNER, NOTE_TYPE, b"descriptor", 4).repeat(2);
    assert_eq!(
        found(&library(PT_NOTE, 4, &notes)).unwrap_err().code(),
        "invalid_metadata"
    );
}

#[test]
fn the_magic_alone_is_no_descriptor() {
    use toru_plugin_api::abi::note::{NOTE_MAGIC, NoteBuilder};
    let descriptor = NoteBuilder::<64>::new().finish();
    let mut content = NOTE_MAGIC.to_vec();
    content.resize(200, 0xAA);
    assert_eq!(
        found(&library(PT_LOAD, 1, &content)).unwrap_err().code(),
        "not_a_plugin"
    );
    content.extend(descriptor);
    assert_eq!(
        found(&library(PT_LOAD, 1, &content)).unwrap().descriptor,
        descriptor
    );
}

#[test]
fn every_length_of_a_library_has_an_answer() {
    let bytes = library(PT_NOTE, 4, &note(&NOTE_OWNER, NOTE_TYPE, b"descriptor", 4));
    for len in 0..bytes.len() {
        let code = found(&bytes[..len]).unwrap_err().code();
        assert_eq!(
            code,
            if len < 64 {
                "not_a_library"
            } else {
                "malformed_library"
            },
            "{len} bytes"
        );
    }
}
