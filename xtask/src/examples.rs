//! Building the example plugins.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::process::{cargo, run};
use crate::tools::{self, CC, CXX, Tool};
use crate::workspace::Workspace;
use crate::{Result, python};

/// A library, or the reason why there is none; the outer error is a failed build.
pub(crate) type Built = Result<std::result::Result<PathBuf, String>>;

/// As strict as the header's own check.
const FLAGS: [&str; 8] = [
    "-shared",
    "-fPIC",
    "-O2",
    "-fvisibility=hidden",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Werror",
];

/// `examples/hello-plugin`, optimised.
pub(crate) fn hello_plugin(workspace: &Workspace) -> Built {
    if !workspace.has_package("hello-plugin") {
        return Ok(Err("examples/hello-plugin is not there".to_owned()));
    }
    cdylib(workspace, "hello-plugin").map(Ok)
}

/// `examples/axum-plugin`, optimised.
pub(crate) fn axum_plugin(workspace: &Workspace) -> Built {
    if !workspace.has_package("axum-plugin") {
        return Ok(Err("examples/axum-plugin is not there".to_owned()));
    }
    cdylib(workspace, "axum-plugin").map(Ok)
}

/// `examples/licensed-plugin`, optimised.
pub(crate) fn licensed_plugin(workspace: &Workspace) -> Built {
    if !workspace.has_package("licensed-plugin") {
        return Ok(Err("examples/licensed-plugin is not there".to_owned()));
    }
    cdylib(workspace, "licensed-plugin").map(Ok)
}

/// `examples/system-monitor`, optimised, with its page if that was built.
pub(crate) fn system_monitor(workspace: &Workspace) -> Built {
    if !workspace.has_package("system-monitor") {
        return Ok(Err("examples/system-monitor is not there".to_owned()));
    }
    cdylib(workspace, "system-monitor").map(Ok)
}

/// `examples/c-plugin`, by the C compiler.
pub(crate) fn c_plugin(workspace: &Workspace) -> Built {
    compile(workspace, CC, "c", &["-std=c11".to_owned()])
}

/// `examples/cpp-plugin`, by the C++ compiler.
pub(crate) fn cpp_plugin(workspace: &Workspace) -> Built {
    let exports = workspace.root().join("examples/cpp-plugin/exports.map");
    let exports = format!("-Wl,--version-script,{}", exports.display());
    compile(workspace, CXX, "cpp", &["-std=c++17".to_owned(), exports])
}

/// `examples/zig-plugin`, by the Zig compiler.
pub(crate) fn zig_plugin(workspace: &Workspace) -> Built {
    let Some(zig) = tools::zig().or_else(|| python::zig(workspace)) else {
        let reason = "examples/zig-plugin was left out: there is no zig, ZIG names none, and pip cannot install ziglang";
        return Ok(Err(reason.to_owned()));
    };
    let folder = workspace.target().join("examples");
    fs::create_dir_all(&folder)?;
    let library = folder.join(file_name("zig_plugin"));
    let script = workspace.root().join("examples/zig-plugin/build.sh");
    run(Command::new(script).arg(&library).env("ZIG", zig))?;
    Ok(Ok(library))
}

/// All sources of a folder, into one library.
fn compile(workspace: &Workspace, tool: Tool, language: &str, flags: &[String]) -> Built {
    let mut command = match tool.ensure() {
        Ok(compiler) => compiler,
        Err(reason) => return Ok(Err(format!("examples/{language}-plugin was left out: {reason}"))),
    };
    let root = workspace.root();
    let mut sources = Vec::new();
    for entry in fs::read_dir(root.join("examples").join(format!("{language}-plugin")))? {
        sources.push(entry?.path());
    }
    sources.retain(|path| path.extension().is_some_and(|extension| extension == language));
    sources.sort();
    let folder = workspace.target().join("examples");
    fs::create_dir_all(&folder)?;
    let library = folder.join(file_name(&format!("{language}_plugin")));
    command.args(FLAGS).args(flags);
    if cfg!(target_os = "linux") {
        command.arg("-Wl,-z,noexecstack");
    }
    command
        .arg("-I")
        .arg(root.join("toru-plugin-api/include"))
        .args(sources)
        .arg("-o")
        .arg(&library)
        .arg("-pthread");
    run(&mut command)?;
    Ok(Ok(library))
}

/// A library, and how long it took to build it from nothing.
#[derive(Debug)]
pub(crate) struct Timed {
    pub(crate) library: PathBuf,
    pub(crate) took: Duration,
}

/// `benches/smallest-plugin`, by its own profile and from nothing; `None` when it is not there.
pub(crate) fn smallest_plugin(workspace: &Workspace) -> Result<Option<Timed>> {
    let name = "smallest-plugin";
    let manifest = workspace.root().join("benches").join(name).join("Cargo.toml");
    if !manifest.is_file() {
        return Ok(None);
    }
    let target = workspace.target().join(name);
    let mut fetch = cargo();
    run(fetch
        .args(["fetch", "--locked", "--manifest-path"])
        .arg(&manifest))?;
    match fs::remove_dir_all(&target) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let mut build = cargo();
    build
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(manifest)
        .arg("--target-dir")
        .arg(&target);
    let start = Instant::now();
    run(&mut build)?;
    Ok(Some(Timed {
        library: target.join("release").join(file_name("smallest_plugin")),
        took: start.elapsed(),
    }))
}

/// Seals a finished library: a host then never opens a damaged copy of it.
pub(crate) fn seal(library: &Path) -> Result {
    // Not quietly: the first time, the program that does it is built, with all that tests of its crate need.
    let mut command = cargo();
    command.args([
        "run",
        "--release",
        "--package",
        "toru-host",
        "--example",
        "seal",
        "--",
    ]);
    run(command.arg(library))
}

/// Puts a library where plugins are looked for: whole or not at all, readable and executable by all. `prepare` gets
/// the copy before it is in place.
pub(crate) fn install(library: &Path, folder: &Path, prepare: impl FnOnce(&Path) -> Result) -> Result {
    let name = library.file_name().ok_or("a library has a name")?;
    let unfinished = folder.join(format!(".{}.new", name.to_string_lossy()));
    fs::copy(library, &unfinished)?;
    prepare(&unfinished)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755))?;
    }
    fs::rename(&unfinished, folder.join(name))?;
    Ok(())
}

fn cdylib(workspace: &Workspace, package: &str) -> Result<PathBuf> {
    let mut command = cargo();
    run(command
        .args(["build", "--release", "--package", package])
        .current_dir(workspace.root()))?;
    Ok(workspace
        .target()
        .join("release")
        .join(file_name(&package.replace('-', "_"))))
}

fn file_name(library: &str) -> String {
    format!("{DLL_PREFIX}{library}{DLL_SUFFIX}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn installing_replaces_and_leaves_nothing_else_behind() {
        let folder = std::env::temp_dir().join(format!("toru-xtask-{}", std::process::id()));
        let plugins = folder.join("plugins");
        fs::create_dir_all(&plugins).unwrap();
        let library = folder.join("liba.so");
        for content in ["one", "two"] {
            fs::write(&library, content).unwrap();
            install(&library, &plugins, |_| Ok(())).unwrap();
            assert_eq!(fs::read_to_string(plugins.join("liba.so")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(&plugins).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
