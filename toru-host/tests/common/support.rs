//! Notes and C libraries for the tests.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use toru_host::discovery::{Candidate, DiscoverError, Policy, Staged, scan, stage};
use toru_plugin_api::abi::note::*;

#[path = "random.rs"]
mod random;

pub(crate) use random::{Random, cases};

/// A note under construction; starts as that of a good plugin.
#[derive(Clone)]
pub(crate) struct Note {
    records: Vec<(u16, u16, Vec<u8>)>,
}

impl Note {
    pub(crate) fn new(id: &str) -> Self {
        let empty = Self { records: Vec::new() };
        empty
            .add(TAG_ABI, 0, [1, 0, 0, 0])
            .add(TAG_ID, 0, id)
            .add(TAG_NAME, 0, "Hello")
            .add(TAG_VERSION, 0, "1.0.0")
            .add(TAG_ROUTE, 0, "/hello")
            .add(TAG_REQUIRES, 0, "toru.kv/1")
            .add(TAG_PANIC, 0, "unwind")
    }

    pub(crate) fn add(mut self, tag: u16, flags: u16, value: impl AsRef<[u8]>) -> Self {
        self.records.push((tag, flags, value.as_ref().to_vec()));
        self
    }

    pub(crate) fn without(mut self, tag: u16) -> Self {
        self.records.retain(|record| record.0 != tag);
        self
    }

    pub(crate) fn with(self, tag: u16, value: impl AsRef<[u8]>) -> Self {
        self.without(tag).add(tag, 0, value)
    }

    pub(crate) fn descriptor(&self) -> Vec<u8> {
        let mut records = Vec::new();
        for (tag, flags, value) in &self.records {
            let end = records.len() + record_len(value.len());
            records.extend(tag.to_le_bytes());
            records.extend(flags.to_le_bytes());
            records.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
            records.extend(value);
            records.resize(end, 0);
        }
        let mut bytes = NOTE_MAGIC.to_vec();
        bytes.extend(NOTE_FORMAT.to_le_bytes());
        bytes.extend(FLAG_CRC.to_le_bytes());
        bytes.extend(u32::try_from(HEADER_LEN + records.len()).unwrap().to_le_bytes());
        bytes.extend(crc32(&records, 0).to_le_bytes());
        bytes.resize(HEADER_LEN, 0);
        bytes.extend(records);
        bytes
    }

    /// The note as an ELF note: header, owner, descriptor.
    pub(crate) fn elf(&self) -> Vec<u8> {
        let descriptor = self.descriptor();
        let mut bytes = 5_u32.to_le_bytes().to_vec();
        bytes.extend(u32::try_from(descriptor.len()).unwrap().to_le_bytes());
        bytes.extend(NOTE_TYPE.to_le_bytes());
        bytes.extend(b"Toru\0\0\0\0");
        bytes.extend(descriptor);
        bytes
    }

    /// C source that puts the note into the library.
    pub(crate) fn c_source(&self) -> String {
        let mut source = String::from(
            "__attribute__((used, retain, section(\".note.toru\"), aligned(4))) static const unsigned char note[] = {",
        );
        for byte in self.elf() {
            write!(source, "{byte},").unwrap();
        }
        source + "};\n"
    }
}

pub(crate) const ENTRY: &str = "__attribute__((visibility(\"default\"))) unsigned create_plugin(const void *l, const void **a) { return 1; }\n";
/// Some relocations, thread-local storage and imported functions: every table that the lint walks.
pub(crate) const BULK: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static __thread int counter;
static const char *const words[] = {"one", "two", "three"};
static int (*const functions[])(const char *) = {puts, atoi};
int use(int i) { counter++; return functions[i & 1](words[i % 3]) + counter; }
__attribute__((visibility("default"))) char *extra(const char *s) { return strdup(s); }
"#;

/// A plugins folder of its own, and a marker that every library's constructor would leave.
#[derive(Clone)]
pub(crate) struct Place {
    root: Arc<tempfile::TempDir>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let root = Arc::new(tempfile::tempdir().unwrap());
        fs::create_dir(root.path().join("plugins")).unwrap();
        fs::set_permissions(root.path().join("plugins"), Permissions::from_mode(0o755)).unwrap();
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        self.root.path()
    }

    pub(crate) fn plugins(&self) -> PathBuf {
        self.root().join("plugins")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root().join("cache")
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.plugins().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        path
    }

    /// A good plugin's library.
    pub(crate) fn plugin(&self, name: &str) -> Option<PathBuf> {
        self.library(name, &Note::new("hello"), ENTRY, &[])
    }

    /// Builds a C library with a note, `source`, and a constructor that leaves the marker.
    pub(crate) fn library(&self, name: &str, note: &Note, source: &str, flags: &[&str]) -> Option<PathBuf> {
        self.compile(name, &(note.c_source() + source), flags)
    }

    pub(crate) fn compile(&self, name: &str, source: &str, flags: &[&str]) -> Option<PathBuf> {
        let marker = format!(
            "#include <fcntl.h>\n#include <unistd.h>\n__attribute__((constructor)) static void mark(void) {{ \
             close(open({:?}, O_CREAT | O_WRONLY, 0600)); }}\n",
            self.marker()
        );
        let source_path = self.root().join(format!("{name}.c"));
        fs::write(&source_path, marker + source).unwrap();
        let path = self.plugins().join(name);
        let mut command = Command::new("cc");
        command.args(["-O1", "-w", "-shared", "-fPIC", "-fvisibility=hidden"]);
        command.args(flags).arg("-o").arg(&path).arg(&source_path);
        match command.output() {
            Ok(output) if output.status.success() => {
                fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
                Some(path)
            }
            Ok(output) => {
                println!(
                    "skipped: cc refuses {flags:?}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
                None
            }
            Err(error) => {
                println!("skipped: no C compiler: {error}");
                None
            }
        }
    }

    pub(crate) fn scan(&self) -> Vec<Candidate> {
        self.scan_with(&Policy::default())
    }

    pub(crate) fn scan_with(&self, policy: &Policy) -> Vec<Candidate> {
        let found = scan(&self.plugins(), policy).unwrap();
        assert!(!self.marker().exists(), "a constructor ran");
        found
    }

    /// The code of the only file, or "ok".
    pub(crate) fn code(&self) -> &'static str {
        let found = self.scan();
        assert_eq!(found.len(), 1, "{found:?}");
        code(&found[0].found)
    }

    pub(crate) fn stage(&self, path: &Path) -> Result<Staged, DiscoverError> {
        self.stage_with(path, &Policy::default())
    }

    pub(crate) fn stage_with(&self, path: &Path, policy: &Policy) -> Result<Staged, DiscoverError> {
        let staged = stage(path, policy, &self.cache());
        assert!(!self.marker().exists(), "a constructor ran");
        staged
    }

    /// What every library's constructor would leave.
    pub(crate) fn marker(&self) -> PathBuf {
        self.root().join("constructor-ran")
    }
}

pub(crate) fn code<T>(result: &Result<T, DiscoverError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(error) => {
            let text = error.to_string();
            assert!(!text.is_empty() && !text.ends_with('.'), "{text}");
            error.code()
        }
    }
}

/// All checks over bytes, as `stage` does them.
pub(crate) fn check_bytes(library: &[u8], policy: &Policy) -> Result<(), DiscoverError> {
    use toru_host::discovery::{elf, lint, note, seal};
    note::parse(&elf::find_note(library)?.descriptor, policy)?;
    seal::verify(library)?;
    lint::check(library, policy).map(|_| ())
}
