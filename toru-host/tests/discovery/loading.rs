//! What the dynamic loader does with damaged libraries, with and without the checks before it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use toru_host::discovery::Policy;

use crate::damage::{c_library, damaged, rust_library};
use crate::support::{Place, Random, cases, check_bytes};

/// Opens each library that is named on its input in a process of its own and prints the names of those that died.
const LOADER: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    char path[4096];
    while (fgets(path, sizeof path, stdin)) {
        path[strcspn(path, "\n")] = 0;
        pid_t child = fork();
        if (child == 0) {
            alarm(10);
            dup2(open("/dev/null", O_WRONLY), 2);
            void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
            if (library) dlsym(library, "create_plugin");
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        if (!WIFEXITED(status)) puts(path);
    }
    return 0;
}
"#;

fn build_loader(place: &Place) -> Option<PathBuf> {
    let (source, program) = (place.root().join("loader.c"), place.root().join("loader"));
    fs::write(&source, LOADER).unwrap();
    let built = Command::new("cc")
        .args(["-w", "-o"])
        .arg(&program)
        .arg(&source)
        .arg("-ldl")
        .status();
    if built.is_ok_and(|status| status.success()) {
        return Some(program);
    }
    println!("skipped: no C compiler");
    None
}

/// Which of `libraries` kill a process that opens them.
fn deadly(loader: &Path, place: &Place, libraries: &[Vec<u8>]) -> Vec<usize> {
    let path = |index| {
        place
            .plugins()
            .join(format!("case-{index}.so"))
            .display()
            .to_string()
    };
    let mut list = String::new();
    for (index, library) in libraries.iter().enumerate() {
        place.write(&format!("case-{index}.so"), library);
        list += &path(index);
        list += "\n";
    }
    let input = place.root().join("list");
    fs::write(&input, list).unwrap();
    let output = Command::new(loader)
        .stdin(fs::File::open(input).unwrap())
        .output()
        .unwrap();
    let died = String::from_utf8_lossy(&output.stdout);
    (0..libraries.len())
        .filter(|&index| died.lines().any(|line| line == path(index)))
        .collect()
}

/// The bytes in which two libraries differ.
fn differences(good: &[u8], bad: &[u8]) -> String {
    let differs = good
        .iter()
        .zip(bad)
        .enumerate()
        .filter(|(_, (good, bad))| good != bad);
    differs
        .map(|(at, (good, bad))| format!("{at:#x}: {good:02x} to {bad:02x}; "))
        .collect()
}

#[test]
fn l03_damage_that_kills_the_dynamic_loader_is_refused_before_it() {
    let place = Place::new();
    let Some(loader) = build_loader(&place) else {
        return;
    };
    let mut random = Random::new();
    for library in [c_library(&place), rust_library(&place)].into_iter().flatten() {
        let all: Vec<_> = (0..cases(300, 5000))
            .map(|_| damaged(&library, &mut random))
            .collect();
        let accepted: Vec<_> = all
            .iter()
            .filter(|bad| check_bytes(bad, &Policy::default()).is_ok())
            .cloned()
            .collect();
        let naive = deadly(&loader, &place, &all).len();
        let through = deadly(&loader, &place, &accepted);
        for &index in &through {
            println!("got through: {}", differences(&library, &accepted[index]));
        }
        let (count, passed, checked) = (all.len(), accepted.len(), through.len());
        println!("{count} damaged: {naive} kill unchecked; {passed} pass the checks, {checked} kill");
        // Without checks a good part kills, or this test would prove nothing.
        assert!(naive * 10 > count, "the damage is too mild");
        // What is left looks as if it had been meant, such as a relocated pointer to another place.
        assert!(
            checked * 50 <= all.len(),
            "{checked} of {} damaged libraries got through and killed",
            all.len()
        );
    }
}
