//! What the file says by itself; no code of it runs. All rules are those of `toru_host::discovery`.

pub(crate) mod library;

use std::env::consts::DLL_SUFFIX;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};
use toru_host::discovery::{DiscoverError, Policy, elf, lint, note, scan, seal, stage};

use self::library::Library;
use crate::report::{Check, Report};

/// Looks at the file.
///
/// # Errors
///
/// When it cannot be read.
pub(crate) fn inspect(path: &Path) -> Result<Report> {
    let about = || format!("{} cannot be read", path.display());
    let attributes = fs::metadata(path).with_context(about)?;
    let mode = format!("{:04o}", attributes.permissions().mode() & 0o7777);
    let mut report = Report::new(path.to_owned(), attributes.len(), mode);
    let place = tempfile::tempdir().context("there is no folder for temporary files")?;
    let policy = Policy::default();

    check_name(&mut report, path);
    if !check_place(&mut report, path, &policy, place.path()) {
        return Ok(report);
    }
    let bytes = fs::read(path).with_context(about)?;
    report.sha256 = Some(hex(&Sha256::digest(&bytes)));
    check_bytes(&mut report, &bytes, &policy);
    check_as_host(&mut report, &bytes, &policy, place.path())?;
    Ok(report)
}

/// Whether a host that looks through its plugins folder would see it.
fn check_name(report: &mut Report, path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    report.push(if name.ends_with(DLL_SUFFIX) && !name.starts_with('.') {
        Check::passed("name", format!("a host finds {name} in its plugins folder"))
    } else {
        let message =
            format!("a host passes over {name}: its name starts with a dot or does not end in {DLL_SUFFIX}");
        Check::warning("name", "name_passed_over", message).advise("rename it when you install it")
    });
}

/// What kind of file it is and who could change it, as a host that found it here would say. Whether to look into it.
fn check_place(report: &mut Report, path: &Path, policy: &Policy, place: &Path) -> bool {
    let (check, go_on) = match stage(path, policy, &place.join("here")) {
        // Where it lies now is seldom where it will be installed.
        Err(error @ DiscoverError::InsecurePermissions { .. }) => {
            let advice =
                "only its owner may write to the file, its folder and those above, where it is installed";
            (
                Check::warning("place", error.code(), error.to_string()).advise(advice),
                true,
            )
        }
        Err(
            error @ (DiscoverError::NotARegularFile { .. }
            | DiscoverError::TooLarge { .. }
            | DiscoverError::Unreadable { .. }),
        ) => (Check::failed("place", error.code(), error.to_string()), false),
        _ => {
            let message = format!(
                "a regular file with mode {} that only its owner can change",
                report.mode
            );
            (Check::passed("place", message), true)
        }
    };
    report.push(check);
    go_on
}

/// Each step of what a host does with the bytes, apart, so that one fault does not hide another.
fn check_bytes(report: &mut Report, bytes: &[u8], policy: &Policy) {
    report.library = library::read(bytes);
    let found = match elf::find_note(bytes) {
        Ok(found) => found,
        Err(error) => return report.push(refused("library", &error)),
    };
    report.push(Check::passed(
        "library",
        "a shared library for this machine, with a note that makes it a plugin",
    ));
    let metadata = match note::parse(&found.descriptor, policy) {
        Ok(metadata) => {
            let message = format!(
                "{} {}, for version {}.{} of the contract",
                metadata.id, metadata.version, metadata.abi.0, metadata.abi.1
            );
            report.metadata = Some(metadata);
            Check::passed("metadata", message)
        }
        Err(error) => refused("metadata", &error),
    };
    report.push(metadata);
    let sealed = seal::verify(bytes);
    report.is_sealed = sealed.as_ref().ok().copied();
    report.push(match sealed {
        Ok(true) => Check::passed("seal", "the file matches its seal"),
        Ok(false) => Check::passed(
            "seal",
            "none; one lets a host find any damage: cargo run -p toru-host --example seal -- FILE",
        ),
        Err(error) => refused("seal", &error),
    });
    match lint::check(bytes, policy) {
        Ok(warnings) => {
            report.push(Check::passed(
                "structure",
                "every table that the dynamic loader follows is sound",
            ));
            for warning in warnings {
                let advice = "hide them: -fvisibility=hidden in C and C++, crate-type = [\"cdylib\"] in Rust";
                report.push(Check::warning("structure", warning.code(), warning.to_string()).advise(advice));
            }
        }
        Err(error) => report.push(refused("structure", &error)),
    }
    if let Some(library) = &report.library {
        let check = contents(library);
        report.push(check);
    }
}

/// What makes a file larger than it has to be.
fn contents(library: &Library) -> Check {
    if library.has_debug_info {
        return Check::warning("contents", "debug_info", "the library carries debug information")
            .advise("strip what you ship, and keep the unstripped file for backtraces");
    }
    Check::passed(
        "contents",
        if library.is_stripped {
            "stripped"
        } else {
            "not stripped: the symbols stay readable in backtraces"
        },
    )
}

/// The last word, by the functions that a host calls: a folder with this library alone is scanned, and it is copied.
fn check_as_host(report: &mut Report, bytes: &[u8], policy: &Policy, place: &Path) -> Result<()> {
    let folder = place.join("plugins");
    let installed = install(&folder, bytes)?;
    let listed = scan(&folder, policy)?;
    let refusal = listed.into_iter().find_map(|candidate| candidate.found.err());
    let refusal = refusal.or_else(|| stage(&installed, policy, &place.join("cache")).err());
    let Some(error) = refusal else {
        report.push(Check::passed(
            "accepted",
            "a host lists it, and would open it when it is enabled",
        ));
        return Ok(());
    };
    // Told already, step by step.
    if !report.has_failed() {
        report.push(refused("accepted", &error));
    }
    Ok(())
}

/// Puts the library alone into a plugins folder.
///
/// # Errors
///
/// When the folder cannot be made or written to.
pub(crate) fn install(folder: &Path, bytes: &[u8]) -> Result<std::path::PathBuf> {
    let about = || format!("{} cannot be made", folder.display());
    fs::create_dir(folder).with_context(about)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).with_context(about)?;
    let path = folder.join(format!("plugin{DLL_SUFFIX}"));
    fs::write(&path, bytes).with_context(about)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).with_context(about)?;
    Ok(path)
}

fn refused(name: &str, error: &DiscoverError) -> Check {
    Check::failed(name, error.code(), error.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
