//! All that a server executes in its own code for a request, counted and held against limits; ends with a failure when one is
//! broken.
//!
//! From the bytes of a request to those of its answer, the plugin's with authorisation, admission, deadline and header policy.
//! What the system does for a socket is no part of it. A program of its own: what else is in one changes what the compiler
//! makes of it. Called without arguments; with arguments it serves, which is how it counts itself under callgrind.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::env;
use std::path::Path;
use std::process::ExitCode;

use toru_benches::libraries::Libraries;
use toru_benches::looped::Looped;
use toru_benches::requests::Workload::{self, Large, Small};
use toru_benches::server::{Mount, NATIVE, PLUGIN, install, serve};
use toru_benches::{Result, callgrind};

/// Greatest ratios of a plugin's request to a native one, which may not become greater. Below 1, a plugin costs less than
/// the application's own route.
const LIMITS: [(Workload, &str, f64); 4] = [
    (Small, "layer", 0.97),
    (Small, "route", 1.23),
    (Large, "layer", 1.03),
    (Large, "route", 1.06),
];

fn main() -> Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [mount, base, workload, library, repetitions] = args.as_slice() {
        let mount = if mount == "layer" {
            Mount::Layer
        } else {
            Mount::Route
        };
        let workload = if workload == Small.name() { Small } else { Large };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (library, count) = (Path::new(library), repetitions.parse()?);
        runtime.block_on(repeat(mount, base, workload, library, count))?;
        return Ok(ExitCode::SUCCESS);
    }
    if !callgrind::is_there() {
        println!("skipped: valgrind is missing, so instructions were not counted");
        return Ok(ExitCode::SUCCESS);
    }
    let folder = tempfile::tempdir()?;
    let library = Libraries::build(folder.path())?.plugin.display().to_string();
    let mut passed = true;
    for (workload, mount, limit) in LIMITS {
        let name = workload.name();
        let count = |base| callgrind::instructions(&[mount, base, name, &library], folder.path());
        let (native, plugin) = (count(NATIVE)?, count(PLUGIN)?);
        let ratio = plugin / native;
        let word = if ratio <= limit { "passed" } else { "FAILED" };
        passed &= ratio <= limit;
        println!(
            "{word}: {name}, plugin by a {mount} / native, instructions of the whole server: {plugin:.0} / {native:.0} = \
             {ratio:.3}, at most {limit:.2}"
        );
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The same request over and over.
async fn repeat(mount: Mount, base: &str, workload: Workload, library: &Path, count: u64) -> Result {
    let folder = tempfile::tempdir()?;
    let plugins = folder.path().join("plugins");
    install(&plugins, library, library, 1)?;
    let (listener, end) = Looped::new(workload.message(base), count);
    tokio::select! {
        served = serve(mount, &plugins, listener, || Ok(())) => served,
        left = end => match left? {
            0 => Ok(()),
            left => Err(format!("{left} requests were not answered").into()),
        },
    }
}
