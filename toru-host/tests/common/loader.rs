//! The dynamic loader in processes of its own: what opening a library does to whoever opens it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Place;

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

pub(crate) fn build_loader(place: &Place) -> Option<PathBuf> {
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
pub(crate) fn deadly(loader: &Path, place: &Place, libraries: &[Vec<u8>]) -> Vec<usize> {
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
        // Damaged code writes where it likes.
        .current_dir(place.root())
        .output()
        .unwrap();
    let died = String::from_utf8_lossy(&output.stdout);
    (0..libraries.len())
        .filter(|&index| died.lines().any(|line| line == path(index)))
        .collect()
}
