//! The steps themselves.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::{dependencies, interface, licenses, locks, manifests, package};
use crate::process::{self, cargo, cargo_nightly, run};
use crate::tools::{self, VALGRIND};
use crate::workspace::Workspace;
use crate::{Result, check_plugin, e2e, examples, frontend, header, python};

/// Most bytes of the smallest plugin, stripped.
const SMALLEST_PLUGIN_MAX: u64 = 450 * 1024;
/// What it should be at most.
const SMALLEST_PLUGIN_GOAL: u64 = 350 * 1024;
/// How long each fuzz target runs.
const FUZZ_SECONDS: u32 = 60;

/// How an example plugin is built.
type Recipe = fn(&Workspace) -> examples::Built;

/// The example plugins, and how they are checked.
const CHECKED: [(Recipe, &[&str]); 7] = [
    // Its route that panics is there to be seen, not to be good.
    (examples::hello_plugin, &["--except", "/panic"]),
    (examples::system_monitor, &[]),
    (
        examples::licensed_plugin,
        &[
            "--license",
            "examples/licensed-plugin/example-license.txt",
            "--instance",
            "5b7ed3ff-30f8-4a94-a1ee-c42ba27c03cd",
        ],
    ),
    (
        examples::axum_plugin,
        &[
            "--call",
            "/list",
            "--call",
            "/list?contains=milk",
            "--call",
            "/events",
        ],
    ),
    (examples::c_plugin, &["--strict"]),
    (examples::cpp_plugin, &["--strict"]),
    (examples::zig_plugin, &["--strict"]),
];

/// A check.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) name: &'static str,
    /// For the help.
    pub(super) what: &'static str,
    pub(super) is_long: bool,
    /// `Some` is the reason why it was skipped.
    pub(super) run: fn(&mut Context<'_>) -> Result<Option<String>>,
}

/// All steps in order.
pub(super) const STEPS: &[Step] = &[
    step("fmt", "formatting", fmt),
    step("clippy", "lints, as errors", clippy),
    step("docs", "documentation, warnings as errors", docs),
    step(
        "header",
        "toru_plugin.h is up to date and compiles as C11 and C++17",
        check_header,
    ),
    step(
        "layering",
        "who depends on what, compilers old enough, known registries",
        layering,
    ),
    step(
        "interface",
        "the public interfaces against public-api.txt, and whose types the core's shows (nightly)",
        |context| interface::check(context.workspace, false),
    ),
    step(
        "manifests",
        "what the published crates say about themselves",
        |context| manifests::check(context.workspace).map(|()| None),
    ),
    step(
        "licenses",
        "licences of dependencies, and those that come twice",
        |context| licenses::check(context.workspace).map(|()| None),
    ),
    step(
        "frontend",
        "lints, types and tests of what runs in browsers, and its build",
        frontends,
    ),
    step(
        "build-examples",
        "the example plugins that the tests load",
        build_examples,
    ),
    step(
        "check-plugins",
        "what a host says about each example plugin",
        check_plugins,
    ),
    step("tests", "unit, integration and documentation tests", tests),
    step("gates", "counted work against its limits", gates),
    step("size", "size of the smallest plugin", size),
    step(
        "package",
        "the packed crates: an application of them, and the guide followed word by word",
        |context| package::check(context.workspace),
    ),
    step("e2e", "the demo server in a real browser", end_to_end),
    long(
        "tests-long",
        "tests optimised and with more repetitions",
        tests_long,
    ),
    long("fuzz", "every fuzz target for a minute (nightly)", fuzz),
    long(
        "asan",
        "the host's tests under the address sanitiser (nightly)",
        asan,
    ),
];

/// What steps share.
#[derive(Debug)]
pub(super) struct Context<'a> {
    workspace: &'a Workspace,
    /// Variables that tell the tests where the example plugins are; `None` before they were built.
    examples: Option<Vec<(&'static str, PathBuf)>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(workspace: &'a Workspace) -> Self {
        Self {
            workspace,
            examples: None,
        }
    }

    fn in_root<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.current_dir(self.workspace.root())
    }

    /// Builds the example plugins unless they are there, and says which are missing.
    fn build_examples(&mut self) -> Result<Vec<String>> {
        let mut missing = Vec::new();
        let mut built = Vec::new();
        let recipes = [
            ("TORU_TEST_HELLO_PLUGIN", examples::hello_plugin as Recipe),
            ("TORU_TEST_SYSTEM_MONITOR", examples::system_monitor),
            ("TORU_TEST_LICENSED_PLUGIN", examples::licensed_plugin),
            ("TORU_TEST_AXUM_PLUGIN", examples::axum_plugin),
            ("TORU_TEST_C_PLUGIN", examples::c_plugin),
            ("TORU_TEST_CPP_PLUGIN", examples::cpp_plugin),
            ("TORU_TEST_ZIG_PLUGIN", examples::zig_plugin),
        ];
        for (variable, build) in recipes {
            match build(self.workspace)? {
                Ok(path) => {
                    println!("    {variable}={}", path.display());
                    built.push((variable, path));
                }
                // Few have its compiler: that it is left out is no news.
                Err(reason) if variable == "TORU_TEST_ZIG_PLUGIN" => println!("    skipped: {reason}"),
                Err(reason) => missing.push(reason),
            }
        }
        self.examples = Some(built);
        Ok(missing)
    }

    /// Variables for the tests; a single step builds what it needs itself.
    fn test_env(&mut self) -> Result<Vec<(&'static str, PathBuf)>> {
        if self.examples.is_none() {
            self.build_examples()?;
        }
        let mut env = self.examples.clone().unwrap_or_default();
        match python::ensure(self.workspace) {
            Ok(python) => env.push(("TORU_PYTHON", python)),
            Err(reason) => println!("    skipped: {reason}"),
        }
        Ok(env)
    }
}

const fn step(
    name: &'static str,
    what: &'static str,
    run: fn(&mut Context<'_>) -> Result<Option<String>>,
) -> Step {
    Step {
        name,
        what,
        is_long: false,
        run,
    }
}

const fn long(
    name: &'static str,
    what: &'static str,
    run: fn(&mut Context<'_>) -> Result<Option<String>>,
) -> Step {
    Step {
        name,
        what,
        is_long: true,
        run,
    }
}

fn fmt(context: &mut Context<'_>) -> Result<Option<String>> {
    run(context.in_root(cargo().args(["fmt", "--all", "--check"])))?;
    Ok(None)
}

fn clippy(context: &mut Context<'_>) -> Result<Option<String>> {
    // Authors' side once more as most plugins have it: what is left out must not leave anything unused.
    for what in [
        &["--workspace", "--all-features"][..],
        &["--package", "toru-plugin-api"],
    ] {
        let mut command = cargo();
        command.arg("clippy").args(what);
        command.args(["--all-targets", "--", "--deny", "warnings"]);
        run(context.in_root(&mut command))?;
    }
    Ok(None)
}

fn docs(context: &mut Context<'_>) -> Result<Option<String>> {
    let mut command = cargo();
    command
        .args(["doc", "--workspace", "--no-deps", "--all-features"])
        .env("RUSTDOCFLAGS", "-D warnings");
    run(context.in_root(&mut command))?;
    Ok(None)
}

fn check_header(context: &mut Context<'_>) -> Result<Option<String>> {
    header::check(&context.workspace.target().join("xtask"))?;
    Ok(None)
}

fn layering(context: &mut Context<'_>) -> Result<Option<String>> {
    dependencies::layering(context.workspace)?;
    dependencies::modules(context.workspace.root())?;
    dependencies::rust_versions(context.workspace)?;
    locks::check(context.workspace)?;
    Ok(None)
}

fn frontends(context: &mut Context<'_>) -> Result<Option<String>> {
    if let Err(reason) = frontend::can_build() {
        return Ok(Some(reason));
    }
    for frontend in frontend::all(context.workspace) {
        println!("--> {}", frontend.path().display());
        frontend.check()?;
    }
    Ok(None)
}

fn build_examples(context: &mut Context<'_>) -> Result<Option<String>> {
    let missing = context.build_examples()?;
    Ok(Some(missing.join("; ")).filter(|reason| !reason.is_empty()))
}

fn check_plugins(context: &mut Context<'_>) -> Result<Option<String>> {
    check_plugin::build(context.workspace)?;
    let mut missing = Vec::new();
    for (build, args) in CHECKED {
        match build(context.workspace)? {
            Ok(library) => check_plugin::is_good(context.workspace, &library, args)?,
            Err(reason) => missing.push(reason),
        }
    }
    Ok(Some(missing.join("; ")).filter(|reason| !reason.is_empty()))
}

fn tests(context: &mut Context<'_>) -> Result<Option<String>> {
    let env = context.test_env()?;
    run(context.in_root(cargo().args(["test", "--workspace", "--all-features"]).envs(env)))?;
    Ok(None)
}

fn gates(context: &mut Context<'_>) -> Result<Option<String>> {
    if !context.workspace.has_binary("toru-benches", "gates") {
        return Ok(Some("toru-benches has no program gates".to_owned()));
    }
    if let Err(reason) = VALGRIND.ensure() {
        println!("    {reason}");
    }
    let env = context.test_env()?;
    for program in ["gates", "whole"] {
        let mut command = cargo();
        command.args(["run", "--release", "--package", "toru-benches", "--bin", program]);
        run(context.in_root(command.envs(env.clone())))?;
    }
    Ok(None)
}

fn size(context: &mut Context<'_>) -> Result<Option<String>> {
    let Some(plugin) = examples::smallest_plugin(context.workspace)? else {
        return Ok(Some("benches/smallest-plugin is not there".to_owned()));
    };
    let bytes = fs::metadata(&plugin.library)?.len();
    println!(
        "    {bytes} bytes stripped, at most {SMALLEST_PLUGIN_MAX}, goal {SMALLEST_PLUGIN_GOAL}; built from nothing in \
         {:.1} s, goal 5 s",
        plugin.took.as_secs_f64()
    );
    if bytes > SMALLEST_PLUGIN_MAX {
        return Err(format!("{bytes} bytes are more than {SMALLEST_PLUGIN_MAX}").into());
    }
    Ok(None)
}

fn end_to_end(context: &mut Context<'_>) -> Result<Option<String>> {
    Ok(e2e::run(context.workspace, e2e::What::Tests, &[])?.err())
}

fn tests_long(context: &mut Context<'_>) -> Result<Option<String>> {
    let env = context.test_env()?;
    let mut command = cargo();
    command
        .args(["test", "--release", "--workspace", "--all-features"])
        .envs(env)
        .env("TORU_TEST_LONG", "1");
    run(context.in_root(&mut command))?;
    Ok(None)
}

fn fuzz(context: &mut Context<'_>) -> Result<Option<String>> {
    let root = context.workspace.root();
    let Ok(targets) = fs::read_dir(root.join("fuzz/fuzz_targets")) else {
        return Ok(Some("fuzz is not there".to_owned()));
    };
    if !tools::has_nightly() {
        return Ok(Some(
            "no nightly toolchain (rustup toolchain install nightly)".to_owned(),
        ));
    }
    if !tools::succeeds(cargo_nightly().args(["fuzz", "--version"])) {
        println!("    cargo-fuzz is missing: cargo install cargo-fuzz --locked");
        run(cargo().args(["install", "cargo-fuzz", "--locked"]))?;
    }
    let mut names = Vec::new();
    for target in targets {
        let path = target?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    for name in names {
        println!("--> {name}");
        let mut command = cargo_nightly();
        command.args(["fuzz", "run", &name, "--"]);
        command.args([format!("-max_total_time={FUZZ_SECONDS}"), "-seed=1".to_owned()]);
        run(context.in_root(&mut command))?;
    }
    Ok(None)
}

fn asan(context: &mut Context<'_>) -> Result<Option<String>> {
    if !tools::has_nightly() {
        return Ok(Some(
            "no nightly toolchain (rustup toolchain install nightly)".to_owned(),
        ));
    }
    let env = context.test_env()?;
    let version = process::capture(cargo_nightly().args(["--version", "--verbose"]))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or("cargo names no host")?;
    let mut command = cargo_nightly();
    command
        .args([
            "test",
            "--package",
            "toru-host",
            "--tests",
            "--target",
            host,
            "--target-dir",
        ])
        .arg(context.workspace.target().join("asan"))
        .envs(env)
        // An instrumented plugin finds the sanitiser's functions in the program that loads it.
        .env("RUSTFLAGS", "-Zsanitizer=address -Clink-arg=-rdynamic")
        // The sanitiser looks for what throws exceptions of C++ when the program starts; a plugin would bring it later.
        .env("LD_PRELOAD", "libstdc++.so.6")
        // Plugins are never unloaded, which looks like leaks.
        .env("ASAN_OPTIONS", "detect_leaks=0");
    run(context.in_root(&mut command))?;
    Ok(None)
}
