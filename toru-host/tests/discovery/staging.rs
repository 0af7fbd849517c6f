use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use toru_host::discovery::{Policy, seal, stage};

use crate::support::{ENTRY, Note, Place, code};

#[test]
fn a_staged_library_is_a_private_copy_named_by_its_hash() {
    let place = Place::new();
    let Some(path) = place.plugin("hello.so") else {
        return;
    };
    let staged = place.stage(&path).unwrap();
    assert_eq!(fs::read(&staged.path).unwrap(), fs::read(&path).unwrap());
    let name = staged.path.file_name().unwrap().to_str().unwrap();
    assert_eq!(name.len(), 67);
    assert!(name.starts_with(&format!("{:02x}{:02x}", staged.sha256[0], staged.sha256[1])));
    assert_eq!(fs::metadata(&staged.path).unwrap().mode() & 0o7777, 0o500);
    assert_eq!(fs::metadata(place.cache()).unwrap().mode() & 0o7777, 0o700);
    assert_eq!(staged.metadata.id.as_str(), "hello");
    assert_eq!(staged.file, place.scan()[0].file);
    assert!(!staged.is_sealed && staged.warnings.is_empty() && staged.keep.is_none());
    assert_eq!(
        fs::read_dir(place.cache()).unwrap().count(),
        1,
        "no temporary file is left"
    );
}

#[test]
fn a_sound_copy_is_reused_and_a_changed_one_replaced() {
    let place = Place::new();
    let Some(path) = place.plugin("hello.so") else {
        return;
    };
    let first = place.stage(&path).unwrap().path;
    let inode = fs::metadata(&first).unwrap().ino();
    assert_eq!(place.stage(&path).unwrap().path, first);
    assert_eq!(fs::metadata(&first).unwrap().ino(), inode);

    let mut content = fs::read(&first).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::set_permissions(&first, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&first, content).unwrap();
    fs::set_permissions(&first, fs::Permissions::from_mode(0o500)).unwrap();
    place.stage(&path).unwrap();
    assert_eq!(fs::read(&first).unwrap(), fs::read(&path).unwrap());
}

#[test]
fn l24_a_later_change_of_the_file_does_not_reach_the_copy() {
    let place = Place::new();
    let Some(path) = place.plugin("hello.so") else {
        return;
    };
    let before = fs::read(&path).unwrap();
    let staged = place.stage(&path).unwrap();
    place.write("hello.so", "overwritten");
    assert_eq!(fs::read(&staged.path).unwrap(), before);
    assert_ne!(place.scan()[0].file, staged.file);
}

#[test]
fn a_refused_library_leaves_no_copy() {
    let place = Place::new();
    let Some(path) = place.library("hello.so", &Note::new("hello"), "", &[]) else {
        return;
    };
    assert_eq!(code(&place.stage(&path)), "symbol_missing");
    assert!(!place.cache().exists());
}

#[test]
fn a_cache_that_others_may_write_to_is_refused() {
    let place = Place::new();
    let Some(path) = place.plugin("hello.so") else {
        return;
    };
    fs::create_dir(place.cache()).unwrap();
    fs::set_permissions(place.cache(), fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(code(&place.stage(&path)), "insecure_permissions");
}

#[test]
fn a_sealed_library_is_staged_and_says_so() {
    let place = Place::new();
    let Some(path) = place.library("hello.so", &Note::new("hello"), ENTRY, &[]) else {
        return;
    };
    let mut content = fs::read(&path).unwrap();
    assert!(!seal::verify(&content).unwrap());
    let written = seal::seal(&mut content).unwrap();
    assert!(seal::verify(&content).unwrap());
    assert_eq!(
        seal::seal(&mut content).unwrap(),
        written,
        "sealing again changes nothing"
    );
    place.write("hello.so", &content);
    assert!(place.stage(&path).unwrap().is_sealed);
}

/// Runs itself once more where a mount that forbids execution is visible to nobody else.
#[test]
fn where_execution_is_forbidden_the_copy_is_a_sealed_memory_file() {
    const NAME: &str = "staging::where_execution_is_forbidden_the_copy_is_a_sealed_memory_file";
    if let Some(cache) = std::env::var_os("TORU_TEST_NOEXEC") {
        let place = Place::new();
        let path = place.plugin("hello.so").unwrap();
        let mut policy = Policy::default();
        // The owners of folders look foreign in here.
        policy.check_permissions = false;
        let staged = stage(&path, &policy, cache.as_ref()).unwrap();
        assert!(
            staged.path.starts_with("/proc/self/fd") && staged.keep.is_some(),
            "{staged:?}"
        );
        assert_eq!(fs::read(&staged.path).unwrap(), fs::read(&path).unwrap());
        assert!(fs::write(&staged.path, "changed").is_err());
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 0);
        return;
    }
    let place = Place::new();
    let Some(_) = place.plugin("hello.so") else { return };
    fs::create_dir(place.cache()).unwrap();
    let script = "mount -t tmpfs -o noexec,mode=0700 none \"$TORU_TEST_NOEXEC\" || exit 77; exec \"$@\"";
    let inner = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env("TORU_TEST_NOEXEC", place.cache())
        .output();
    match inner {
        Ok(inner) if inner.status.success() => {}
        Ok(inner) if inner.status.code() == Some(101) => panic!("{}", String::from_utf8_lossy(&inner.stdout)),
        other => println!("skipped: no mount of its own: {other:?}"),
    }
}
