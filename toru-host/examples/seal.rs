//! Seals finished plugin libraries: `cargo run -p toru-host --example seal -- libhello.so`
//!
//! A sealed library carries the hash of its own bytes. A host never opens one that does not match it, so damage on
//! the way is found before any of its code runs. Seal last: whatever changes the file afterwards breaks the seal.

#![expect(
    clippy::print_stdout,
    reason = "talking to the person in front of the terminal"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use toru_host::discovery::seal::seal;

fn main() -> ExitCode {
    let files: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    if files.is_empty() {
        eprintln!("usage: seal FILE...");
        return ExitCode::from(2);
    }
    for file in files {
        if let Err(error) = seal_file(&file) {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn seal_file(file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut bytes = std::fs::read(file)?;
    let hash = seal(&mut bytes)?;
    // Written beside and renamed: the library may be in use.
    let beside = file.with_extension("sealing");
    std::fs::write(&beside, &bytes)?;
    std::fs::set_permissions(&beside, std::fs::metadata(file)?.permissions())?;
    std::fs::rename(&beside, file)?;
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("sealed {} {hash}", file.display());
    Ok(())
}
