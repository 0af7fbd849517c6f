//! The cases C1 to C10 of `config.json`.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::mpsc;
use std::time::Duration;

use rustix::io::Errno;

use super::*;
use crate::state::disk::faulty::FaultyDisk;

const ON: &str = r#"{"version":1,"plugins":{"hello":{"enabled":true}}}"#;
const OFF: &str = r#"{"version":1,"plugins":{"hello":{"enabled":false}}}"#;

fn id(text: &str) -> PluginId {
    PluginId::new(text).unwrap()
}

struct Fixture {
    folder: tempfile::TempDir,
    store: FileStateStore,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStateStore::new(folder.path());
        Self { folder, store }
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let fixture = Self::new();
        for (name, text) in files {
            fixture.write(name, text);
        }
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(0o600)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names in the folder, sorted, what is kept aside without its time.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let name = |name: String| match name.split_once(".bad-") {
            Some((name, time)) => {
                assert!(time.len() >= 16 && time.as_bytes()[8] == b'T', "{time}");
                format!("{name}.bad")
            }
            None => name,
        };
        let mut names: Vec<_> = entries
            .map(|entry| name(entry.unwrap().file_name().into_string().unwrap()))
            .collect();
        names.sort();
        names
    }

    fn enable(&self, plugin: &str, enabled: bool) -> Result<(), StateError> {
        self.store.save_blocking(&id(plugin), &Change::Enabled(enabled))
    }

    /// As another process would find it: whether `hello` is on, and the notices' codes.
    fn restart(&self) -> (bool, Vec<&'static str>) {
        told(&FileStateStore::new(self.folder.path()).load_blocking().unwrap())
    }
}

fn told(desired: &Desired) -> (bool, Vec<&'static str>) {
    (
        is_on(desired),
        desired.notices.iter().map(|notice| notice.code).collect(),
    )
}

fn is_on(desired: &Desired) -> bool {
    desired.plugins.get("hello").is_some_and(|plugin| plugin.enabled)
}

#[test]
fn c1_the_first_start_makes_folder_and_file() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("a/b");
    let store = FileStateStore::new(&folder);
    assert_eq!(store.load_blocking().unwrap(), Desired::default());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join(FILE))), (0o700, 0o600));
    assert_eq!(
        FileStateStore::new(folder).load_blocking().unwrap(),
        Desired::default()
    );
}

#[test]
fn c2_where_the_file_is_missing_the_previous_one_is_used() {
    let fixture = Fixture::with(&[(PREVIOUS, ON)]);
    assert_eq!(fixture.restart(), (true, vec!["state_recovered"]));
    assert_eq!(fixture.read(FILE), ON);
    assert_eq!(fixture.restart(), (true, vec![]));
}

#[test]
fn c2_where_the_file_cannot_be_read_the_previous_one_is_used_and_nothing_is_moved() {
    let fixture = Fixture::with(&[(FILE, OFF), (PREVIOUS, ON)]);
    let disk = Arc::new(FaultyDisk::default());
    let store = FileStateStore::with_disk(fixture.folder.path().into(), disk.clone());
    disk.fail_next("open", Errno::IO);
    let desired = store.load_blocking().unwrap();
    assert_eq!(told(&desired), (true, vec!["read_only_state"]));
    assert!(desired.is_read_only);
    let error = store
        .save_blocking(&id("hello"), &Change::Enabled(false))
        .unwrap_err();
    assert_eq!(error.code(), "unreadable_state");
    assert_eq!(fixture.names(), [FILE, PREVIOUS]);

    let desired = store.load_blocking().unwrap();
    assert_eq!((told(&desired), desired.is_read_only), ((false, vec![]), false));
    store.save_blocking(&id("hello"), &Change::Enabled(true)).unwrap();
}

#[test]
fn c3_a_damaged_file_is_kept_aside_and_the_previous_one_used() {
    for bad in [
        "",
        "null",
        "[]",
        "{",
        "{\"version\":1,\"version\":1}",
        &ON[..ON.len() - 1],
    ] {
        let fixture = Fixture::with(&[(FILE, bad), (PREVIOUS, ON)]);
        assert_eq!(fixture.restart(), (true, vec!["state_recovered"]), "{bad}");
        assert_eq!(fixture.names(), [FILE, "config.json.bad", PREVIOUS]);
        assert_eq!(fixture.restart(), (true, vec![]), "{bad}");
    }
}

#[test]
fn c3_without_a_previous_one_all_plugins_are_off() {
    let fixture = Fixture::with(&[(FILE, "{")]);
    assert_eq!(fixture.restart(), (false, vec!["state_reset"]));
    assert_eq!(fixture.names(), [FILE, "config.json.bad"]);
    assert_eq!(fixture.restart(), (false, vec![]));
    // Two of one second do not replace each other.
    fixture.write(FILE, "[");
    fixture.write(PREVIOUS, "]");
    assert_eq!(fixture.restart(), (false, vec!["state_reset"]));
    let expected = [
        FILE,
        "config.json.bad",
        "config.json.bad",
        "config.json.previous.bad",
    ];
    assert_eq!(fixture.names(), expected);
}

#[test]
fn c4_a_file_over_1_mib_is_refused_unread() {
    let fixture = Fixture::with(&[(PREVIOUS, ON)]);
    let file = fs::File::create(fixture.path(FILE)).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(fixture.restart(), (true, vec!["state_recovered"]));
    assert_eq!(fixture.names(), [FILE, "config.json.bad", PREVIOUS]);
}

#[test]
fn c5_a_newer_file_is_used_and_never_touched() {
    for (text, expected) in [
        (
            r#"{"version":2,"plugins":{"hello":{"enabled":true,"x":1}}}"#,
            true,
        ),
        (r#"{"version":2,"plugins":[{"hello":{"enabled":true}}]}"#, false),
        (r#"{"version":3,"#, false),
    ] {
        let fixture = Fixture::with(&[(FILE, text), (PREVIOUS, ON)]);
        let desired = fixture.store.load_blocking().unwrap();
        assert_eq!(told(&desired), (expected, vec!["read_only_state"]));
        assert!(desired.is_read_only);
        for enabled in [false, true] {
            assert_eq!(
                fixture.enable("hello", enabled).unwrap_err().code(),
                "newer_state"
            );
        }
        assert_eq!(told(&fixture.store.load_blocking().unwrap()), (expected, vec![]));
        assert_eq!((fixture.read(FILE).as_str(), fixture.names().len()), (text, 2));
        // Once the older schema is back, so is everything else.
        fixture.write(FILE, OFF);
        assert!(!fixture.store.load_blocking().unwrap().is_read_only);
        fixture.enable("hello", true).unwrap();
    }
}

#[test]
fn c6_a_save_changes_what_it_is_asked_for_and_keeps_the_previous_text() {
    let text = r#"{"colour":1.10,"version":1,"plugins":{"hello":{"note":"mine","config":{"b":1e2,"a":1}}}}"#;
    let fixture = Fixture::with(&[(FILE, text)]);
    fixture.store.load_blocking().unwrap();
    fixture.enable("hello", true).unwrap();
    let saved = fixture.read(FILE);
    let known = [
        "\"colour\": 1.10,\n",
        "\"note\": \"mine\",\n",
        "\"config\": {\"b\":1e2,\"a\":1},\n",
    ];
    assert!(known.iter().all(|text| saved.contains(text)), "{saved}");
    assert_eq!(fixture.read(PREVIOUS), text);
    fixture.enable("zoo", true).unwrap();
    assert_eq!(fixture.read(PREVIOUS), saved);
    assert_eq!(fixture.names(), [FILE, PREVIOUS]);
    assert_eq!(fixture.restart(), (true, vec![]));
}

#[test]
fn c8_what_is_not_a_file_of_ours_is_refused_with_the_reason_and_without_a_hang() {
    type Place = fn(&Path);
    let outside = tempfile::NamedTempFile::new().unwrap();
    fs::write(outside.path(), ON).unwrap();
    let outside = outside.path().to_owned();
    let cases: [(&str, Place); 6] = [
        ("a symbolic link", |path| symlink("/etc/hostname", path).unwrap()),
        ("a symbolic link", |path| symlink("nowhere", path).unwrap()),
        ("a named pipe", |path| {
            let fifo = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, path, fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        }),
        ("a folder", |path| fs::create_dir_all(path.join("full")).unwrap()),
        ("a socket", |path| {
            drop(std::os::unix::net::UnixListener::bind(path).unwrap());
        }),
        ("mode is 0666", |path| {
            fs::write(path, OFF).unwrap();
            fs::set_permissions(path, Permissions::from_mode(0o666)).unwrap();
        }),
    ];
    for (reason, place) in cases {
        let fixture = Fixture::with(&[(PREVIOUS, ON)]);
        place(&fixture.path(FILE));
        let (sender, receiver) = mpsc::channel();
        let store = fixture.store.clone();
        std::thread::spawn(move || sender.send(store.load_blocking()));
        let desired = receiver
            .recv_timeout(Duration::from_secs(10))
            .expect(reason)
            .unwrap();
        assert_eq!(told(&desired), (true, vec!["state_recovered"]), "{reason}");
        let message = &desired.notices[0].message;
        assert!(message.contains(reason), "{reason}: {message}");
        assert_eq!(fixture.names(), [FILE, "config.json.bad", PREVIOUS]);

        // While the host runs, it is an edit that cannot be adopted.
        fs::remove_file(fixture.path(FILE)).unwrap();
        place(&fixture.path(FILE));
        assert_eq!(
            fixture.enable("hello", false).unwrap_err().code(),
            "state_changed"
        );
        let error = fixture.store.load_blocking().unwrap_err();
        assert_eq!(error.code(), "malformed_state");
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(fixture.names().len(), 3);
    }
    assert_eq!(fs::read_to_string(outside).unwrap_or(ON.into()), ON);
}

#[test]
fn c8_a_file_of_another_user_is_refused() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can give a file away");
        return;
    }
    let fixture = Fixture::with(&[(FILE, ON)]);
    std::os::unix::fs::chown(fixture.path(FILE), Some(12_345), None).unwrap();
    assert_eq!(fixture.restart(), (false, vec!["state_reset"]));
    assert_eq!(fixture.names(), [FILE, "config.json.bad"]);
}

#[test]
fn c8_a_folder_that_others_may_write_to_is_refused_unless_that_is_wanted() {
    let fixture = Fixture::with(&[(FILE, ON)]);
    fs::set_permissions(fixture.folder.path(), Permissions::from_mode(0o777)).unwrap();
    assert_eq!(
        fixture.store.load_blocking().unwrap_err().code(),
        "insecure_state"
    );
    let unchecked = FileStateStore::unchecked(fixture.folder.path());
    assert!(is_on(&unchecked.load_blocking().unwrap()));
}

#[test]
fn where_the_damaged_file_cannot_be_moved_nothing_is_written() {
    let fixture = Fixture::with(&[(FILE, "{"), (PREVIOUS, ON)]);
    let disk = Arc::new(FaultyDisk::default());
    let store = FileStateStore::with_disk(fixture.folder.path().into(), disk.clone());
    disk.fail_next("rename_new", Errno::BUSY);
    let desired = store.load_blocking().unwrap();
    assert_eq!(told(&desired), (true, vec!["read_only_state"]));
    assert!(desired.is_read_only);
    let error = store
        .save_blocking(&id("hello"), &Change::Enabled(false))
        .unwrap_err();
    assert_eq!(error.code(), "malformed_state");
    assert_eq!(store.load_blocking().unwrap_err().code(), "malformed_state");
    assert_eq!((fixture.read(FILE).as_str(), fixture.names().len()), ("{", 2));
    fs::remove_file(fixture.path(FILE)).unwrap();
    assert!(!store.load_blocking().unwrap().is_read_only);
    assert_eq!(fixture.read(FILE), ON);
}

#[test]
fn c9_an_edit_while_running_is_never_overwritten_and_adopted_by_a_load() {
    let fixture = Fixture::with(&[(FILE, OFF)]);
    fixture.store.load_blocking().unwrap();
    fixture.write(FILE, ON);
    for enabled in [true, false] {
        let error = fixture.enable("hello", enabled).unwrap_err();
        assert_eq!(error.code(), "state_changed", "also where nothing would change");
    }
    assert_eq!((fixture.read(FILE).as_str(), fixture.names().len()), (ON, 1));
    assert!(is_on(&fixture.store.load_blocking().unwrap()));
    fixture.enable("hello", false).unwrap();
    assert_eq!(fixture.restart(), (false, vec![]));
}

#[test]
fn c9_an_edit_that_cannot_be_used_is_left_alone_and_so_is_what_was_known() {
    let fixture = Fixture::with(&[(FILE, ON), (PREVIOUS, OFF)]);
    fixture.store.load_blocking().unwrap();
    fixture.write(FILE, "{ \"version\": 1,");
    for _ in 0..2 {
        assert_eq!(
            fixture.store.load_blocking().unwrap_err().code(),
            "malformed_state"
        );
        assert_eq!(fixture.enable("hello", true).unwrap_err().code(), "state_changed");
    }
    assert_eq!(fixture.names(), [FILE, PREVIOUS]);
    fixture.write(FILE, ON);
    fixture.enable("zoo", true).unwrap();
}

#[test]
fn c9_a_file_that_is_gone_counts_as_changed_and_is_written_again_by_a_load() {
    let fixture = Fixture::with(&[(FILE, ON)]);
    fixture.store.load_blocking().unwrap();
    fs::remove_file(fixture.path(FILE)).unwrap();
    assert_eq!(fixture.enable("hello", true).unwrap_err().code(), "state_changed");
    assert!(!fixture.path(FILE).exists());
    let desired = fixture.store.load_blocking().unwrap();
    assert_eq!(told(&desired), (true, vec!["state_recovered"]));
    assert_eq!(fixture.read(FILE), ON);
}

#[test]
fn a_change_to_what_is_so_already_writes_nothing() {
    let fixture = Fixture::with(&[(FILE, ON)]);
    fixture.store.load_blocking().unwrap();
    fixture.enable("hello", true).unwrap();
    fixture.enable("zoo", false).unwrap();
    assert_eq!((fixture.read(FILE).as_str(), fixture.names().len()), (ON, 1));
}

#[test]
fn c10_a_full_disk_is_told_as_such() {
    for error in [Errno::NOSPC, Errno::DQUOT] {
        let fixture = Fixture::with(&[(FILE, OFF)]);
        let disk = Arc::new(FaultyDisk::default());
        let store = FileStateStore::with_disk(fixture.folder.path().into(), disk.clone());
        store.load_blocking().unwrap();
        disk.fail_next("write", error);
        let result = store.save_blocking(&id("hello"), &Change::Enabled(true));
        assert_eq!(result.unwrap_err().code(), "storage_full");
        assert_eq!(fixture.names(), [FILE]);
        assert!(!is_on(&store.load_blocking().unwrap()));
    }
}

#[test]
fn what_an_interrupted_save_has_left_is_no_obstacle_to_the_next() {
    let fixture = Fixture::with(&[(FILE, OFF)]);
    fixture.store.load_blocking().unwrap();
    fixture.write(NEW, "{");
    fixture.write(STALE[1], "{");
    // The previous file had its name already, and the new one not yet.
    fs::hard_link(fixture.path(FILE), fixture.path(PREVIOUS)).unwrap();
    fixture.enable("hello", true).unwrap();
    assert_eq!(fixture.names(), [FILE, PREVIOUS]);
    assert_eq!(
        (fixture.read(PREVIOUS).as_str(), fixture.restart().0),
        (OFF, true)
    );
}

#[test]
fn where_links_are_impossible_the_previous_file_is_a_copy() {
    let fixture = Fixture::with(&[(FILE, OFF), (PREVIOUS, "old")]);
    let disk = Arc::new(FaultyDisk::default());
    let store = FileStateStore::with_disk(fixture.folder.path().into(), disk.clone());
    store.load_blocking().unwrap();
    disk.fail_next("link", Errno::PERM);
    store.save_blocking(&id("hello"), &Change::Enabled(true)).unwrap();
    assert_eq!(
        (fixture.read(PREVIOUS).as_str(), fixture.restart().0),
        (OFF, true)
    );
    assert_eq!(fixture.names(), [FILE, PREVIOUS]);
}

#[tokio::test]
async fn a_change_goes_on_when_nobody_waits_for_it() {
    let fixture = Fixture::with(&[(FILE, OFF)]);
    let store: Arc<dyn StateStore> = Arc::new(fixture.store.clone());
    store.load().await.unwrap();
    let hello = id("hello");
    let mut save = store.save(&hello, Change::Enabled(true));
    let waker = std::task::Waker::noop();
    let polled = save.as_mut().poll(&mut std::task::Context::from_waker(waker));
    drop((polled, save));
    // Waits for its turn at the store.
    while !is_on(&store.load().await.unwrap()) {}
    assert!(fixture.restart().0);
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_made_at_once_are_all_made() {
    let fixture = Fixture::new();
    let saves: Vec<_> = (0..16)
        .map(|number| {
            let store = fixture.store.clone();
            let plugin = id(&format!("p{number}"));
            tokio::spawn(async move { store.save(&plugin, Change::Enabled(true)).await })
        })
        .collect();
    for save in saves {
        save.await.unwrap().unwrap();
    }
    let desired = FileStateStore::new(fixture.folder.path()).load().await.unwrap();
    assert_eq!(
        desired.plugins.values().filter(|plugin| plugin.enabled).count(),
        16
    );
}
