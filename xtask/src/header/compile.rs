//! Compiles the header the way authors do, with every warning on.

use std::fs;
use std::path::Path;

use crate::tools::{CC, CXX, Tool};
use crate::{Result, process};

const STRICT: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only"];

/// A file that includes the header twice and uses what it offers.
const PROBE: &str = r#"
#include "toru_plugin.h"
#include "toru_plugin.h"

TORU_PLUGIN_METADATA("probe", "Probe", "1.0.0", "", "", "", "Compiles");

TORU_EXPORT uint32_t create_plugin(const ToruLoader *loader, const ToruPluginApi **api)
{
    (void)api;
    if (!TORU_HAS(loader, host) || TORU_METADATA_LEN < TORU_NOTE_HEADER_LEN) {
        return TORU_INVALID;
    }
    return TORU_METADATA[0] == 0x7F ? TORU_DONE : TORU_INTERNAL;
}
"#;

/// As C11 and as C++17.
pub(crate) fn check(include: &Path, scratch: &Path) -> Result {
    fs::create_dir_all(scratch)?;
    let c = ["-std=c11", "-Wconversion", "-Wshadow", "-Wstrict-prototypes"];
    compile(CC, &c, &scratch.join("probe.c"), include)?;
    compile(CXX, &["-std=c++17"], &scratch.join("probe.cpp"), include)
}

fn compile(tool: Tool, flags: &[&str], probe: &Path, include: &Path) -> Result {
    let mut compiler = tool.ensure()?;
    fs::write(probe, PROBE)?;
    process::run(
        compiler
            .args(STRICT)
            .args(flags)
            .arg("-I")
            .arg(include)
            .arg(probe),
    )
}
