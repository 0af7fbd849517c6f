use super::*;

#[test]
fn a_memory_file_holds_the_bytes_and_cannot_be_changed() {
    let file = memory_file(b"content").unwrap();
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    assert_eq!(std::fs::read(&path).unwrap(), b"content");
    assert!((&file).write_all(b"more").is_err());
    assert!(file.set_len(0).is_err());
    assert!(
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|mut file| file.write_all(b"x"))
            .is_err()
    );
}

#[test]
fn mounts_that_forbid_execution_are_told() {
    let is_mounted = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    for line in is_mounted.lines() {
        let mut fields = line.split(' ').skip(1);
        let (Some(dir), Some(options)) = (fields.next(), fields.nth(1)) else {
            continue;
        };
        if let Ok(forbids) = forbids_execution(Path::new(dir)) {
            assert_eq!(
                forbids,
                options.split(',').any(|option| option == "noexec"),
                "{line}"
            );
        }
    }
}

#[test]
fn the_name_is_the_hash_in_hexadecimal() {
    let name = file_name(&[0xAB; 32]);
    assert_eq!(name, format!("{}.so", "ab".repeat(32)));
}
