use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use toru_host::discovery::{DiscoverError, Policy, scan};

use crate::support::{ENTRY, Note, Place, code};

fn set_mode(path: impl AsRef<std::path::Path>, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn l01_a_missing_folder_is_created_and_empty() {
    let place = Place::new();
    let dir = place.root().join("new/plugins");
    assert!(scan(&dir, &Policy::default()).unwrap().is_empty());
    let mode = fs::metadata(&dir).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode & !0o755, 0, "{mode:o}");
    assert_eq!(mode & 0o700, 0o700, "{mode:o}");
}

#[test]
fn only_visible_files_named_like_libraries_are_looked_at_in_order() {
    let place = Place::new();
    for name in ["b.so", ".hidden.so", "a.so", "notes.txt", "c.so.bak"] {
        place.write(name, "text");
    }
    let names: Vec<_> = place
        .scan()
        .into_iter()
        .map(|found| found.path.file_name().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["a.so", "b.so"]);
}

#[test]
fn l11_a_sparse_file_of_a_tebibyte_is_too_large_without_being_read() {
    let place = Place::new();
    let path = place.write("huge.so", "");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    // Not every file system has room for one in its numbers.
    if file.set_len(1 << 40).is_err() {
        file.set_len(1 << 30).unwrap();
    }
    assert_eq!(place.code(), "too_large");
    assert_eq!(code(&place.stage(&path)), "too_large");
}

#[test]
fn l12_what_is_no_regular_file_of_the_folder_is_refused_without_waiting() {
    let place = Place::new();
    let dir = place.plugins();
    fs::write(place.root().join("outside"), "text").unwrap();
    symlink("../outside", dir.join("leaves.so")).unwrap();
    symlink("/dev/zero", dir.join("device.so")).unwrap();
    symlink("nothing", dir.join("dangling.so")).unwrap();
    symlink("circle.so", dir.join("circle.so")).unwrap();
    fs::create_dir(dir.join("folder.so")).unwrap();
    let _socket = UnixListener::bind(dir.join("socket.so")).unwrap();
    let mut expected = 6;
    if Command::new("mkfifo")
        .arg(dir.join("pipe.so"))
        .status()
        .is_ok_and(|status| status.success())
    {
        expected += 1;
    }
    let found = place.scan();
    assert_eq!(found.len(), expected);
    for candidate in found {
        assert_eq!(code(&candidate.found), "not_a_regular_file", "{candidate:?}");
    }
}

#[test]
fn l12_a_link_within_the_folder_is_fine() {
    let place = Place::new();
    let Some(path) = place.plugin("real.so") else {
        return;
    };
    fs::create_dir(place.plugins().join("versions")).unwrap();
    set_mode(place.plugins().join("versions"), 0o755);
    fs::rename(path, place.plugins().join("versions/hello-1")).unwrap();
    symlink("versions/hello-1", place.plugins().join("hello.so")).unwrap();
    assert_eq!(place.code(), "ok");
    assert_eq!(code(&place.stage(&place.plugins().join("hello.so"))), "ok");
    set_mode(place.plugins().join("versions"), 0o777);
    assert_eq!(place.code(), "insecure_permissions");
}

#[test]
fn l13_what_others_may_write_to_is_refused_naming_the_component() {
    let place = Place::new();
    let Some(path) = place.plugin("hello.so") else {
        return;
    };
    let components = [
        (path.clone(), 0o755),
        (place.plugins(), 0o755),
        (place.root().to_owned(), 0o700),
    ];
    assert_eq!(place.code(), "ok");
    for (component, good) in components {
        for bad in [0o777, 0o757] {
            set_mode(&component, bad);
            let found = place.scan().remove(0).found;
            let Err(DiscoverError::InsecurePermissions { component: named, .. }) = &found else {
                panic!("{component:?} {bad:o}: {found:?}");
            };
            assert_eq!(named, &component.canonicalize().unwrap());
            assert_eq!(code(&place.stage(&path)), "insecure_permissions");
            let mut policy = Policy::default();
            policy.check_permissions = false;
            assert_eq!(code(&place.scan_with(&policy)[0].found), "ok");
        }
        set_mode(&component, good);
    }
    assert_eq!(place.code(), "ok");
}

#[test]
fn l13_what_a_group_may_write_to_is_refused_unless_nobody_else_is_in_it() {
    let place = Place::new();
    let Some(path) = place.plugin("hello.so") else {
        return;
    };
    set_mode(&path, 0o775);
    // The group of a file that this user made is usually private; a group that nobody knows never is.
    if let Err(error) = std::os::unix::fs::chown(&path, None, Some(54321)) {
        println!("skipped: cannot give files to another group: {error}");
        return;
    }
    assert_eq!(place.code(), "insecure_permissions");
    set_mode(&path, 0o755);
    assert_eq!(place.code(), "ok");
}

#[test]
fn l13_a_sticky_plugins_folder_is_still_open_to_all() {
    let place = Place::new();
    let Some(_) = place.plugin("hello.so") else { return };
    set_mode(place.plugins(), 0o1777);
    assert_eq!(place.code(), "insecure_permissions");
}

#[test]
fn l13_a_foreign_owner_is_refused() {
    let place = Place::new();
    let Some(path) = place.plugin("hello.so") else {
        return;
    };
    if let Err(error) = std::os::unix::fs::chown(&path, Some(12345), None) {
        println!("skipped: cannot give files away: {error}");
        return;
    }
    assert_eq!(place.code(), "insecure_permissions");
}

#[test]
fn l14_the_second_file_of_an_id_is_refused_naming_both() {
    let place = Place::new();
    let Some(_) = place.plugin("b.so") else { return };
    place.plugin("a.so");
    place.library("c.so", &Note::new("other"), ENTRY, &[]);
    let found = place.scan();
    assert_eq!(
        found.iter().map(|found| code(&found.found)).collect::<Vec<_>>(),
        ["ok", "duplicate_id", "ok"]
    );
    let text = found[1].found.as_ref().unwrap_err().to_string();
    assert!(text.contains("a.so") && text.contains("b.so"), "{text}");
}
