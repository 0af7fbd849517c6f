//! A host of many plugins: what it takes to start, list and stop them, and to look at a folder full of them.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use http_body_util::{BodyExt, Empty};
use serde_json::json;
use toru_benches::copies::copies;
use toru_benches::libraries::Libraries;
use toru_benches::process::{mapped, resident};
use toru_benches::rounds::median;
use toru_benches::{Result, naive};
use toru_host::PluginManager;
use toru_host::service::{DangerouslyAllowEveryone, PluginApi};
use tower::ServiceExt;

/// Plugins that are enabled at once.
const ENABLED: usize = 200;
/// Libraries in a large folder, and how many of them are enabled.
const LIBRARIES: usize = 1000;
const FEW: usize = 10;
/// What a look at the large folder may take, in milliseconds.
const SCAN_GOAL: f64 = 15.0;
/// Processes of which the median is told.
const PROCESSES: usize = 7;
/// Repetitions in one process.
const REPETITIONS: usize = 50;

fn main() -> Result {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let numbers = match args[..] {
        [] => return report(),
        ["host", plugins] => runtime.block_on(host(Path::new(plugins)))?.to_vec(),
        ["naive", plugins] => naive_host(Path::new(plugins))?.to_vec(),
        _ => return Err("takes no arguments".into()),
    };
    for number in numbers {
        println!("{number}");
    }
    Ok(())
}

fn report() -> Result {
    let folder = tempfile::tempdir()?;
    let libraries = Libraries::build(folder.path())?;
    let hosts = |name: &str, count| -> Result<(PathBuf, Vec<String>)> {
        let plugins = folder.path().join(name).join("plugins");
        fs::create_dir_all(&plugins)?;
        let ids = copies(&libraries.smallest, &plugins, count)?;
        Ok((plugins, ids))
    };

    let (plugins, ids) = hosts("enabled", ENABLED)?;
    enable(&plugins, &[])?;
    let [_, _, _, _, empty, _] = run("host", &plugins)?;
    enable(&plugins, &ids)?;
    let [first, _, _, _, _, _] = run("host", &plugins)?;
    let [start, list, _, stop, full, opened] = medians("host", &plugins)?;
    require(opened, ENABLED)?;
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let each = (full - empty) / ENABLED as f64;
    println!("\n| {ENABLED} plugins, all enabled | measured |\n|---|---|");
    println!("| first start, with the private copies to make | {first:.0} ms |");
    println!("| start | {start:.0} ms |");
    println!("| `GET /api/plugins` | {list:.2} ms |");
    println!("| shutdown | {stop:.0} ms |");
    println!("| memory for each plugin | {:.2} MB |", each / 1e6);

    let (plugins, ids) = hosts("large", LIBRARIES)?;
    enable(&plugins, &ids[..FEW])?;
    run::<6>("host", &plugins)?;
    let [start, list, scan, _, weight, opened] = medians("host", &plugins)?;
    require(opened, FEW)?;
    let [naive_time, naive_weight, naive_opened] = medians("naive", &plugins)?;
    println!("\n| {LIBRARIES} libraries, {FEW} enabled | the host | opening all |\n|---|---|---|");
    println!("| libraries that are mapped | {opened} | {naive_opened} |");
    println!("| looking at the folder, warm | {scan:.2} ms | {naive_time:.2} ms |");
    println!("| start | {start:.0} ms | |");
    println!("| `GET /api/plugins` | {list:.2} ms | |");
    println!(
        "| memory | {:.1} MB | {:.1} MB |",
        weight / 1e6,
        naive_weight / 1e6
    );

    println!("\n| goal | measured | at most | |\n|---|---|---|---|");
    let verdict = if scan <= SCAN_GOAL { "holds" } else { "missed" };
    println!("| a look at {LIBRARIES} libraries, warm | {scan:.2} ms | {SCAN_GOAL:.2} ms | {verdict} |");
    Ok(())
}

/// Writes the state in which these plugins are enabled and no others.
fn enable(plugins: &Path, ids: &[String]) -> Result {
    let enabled = ids.iter().map(|id| (id.clone(), json!({ "enabled": true })));
    let enabled: serde_json::Map<_, _> = enabled.collect();
    let state = plugins.join(".metadata");
    fs::create_dir_all(&state)?;
    let text = json!({ "version": 1, "plugins": enabled }).to_string();
    Ok(fs::write(state.join("config.json"), text)?)
}

/// A number that is exact, or a fault of the host.
fn require(opened: f64, wanted: usize) -> Result {
    if opened.to_string() == wanted.to_string() {
        return Ok(());
    }
    Err(format!("{wanted} plugins are enabled, {opened} libraries are mapped").into())
}

/// The medians of what some fresh processes measure.
fn medians<const N: usize>(what: &str, plugins: &Path) -> Result<[f64; N]> {
    let mut all = Vec::new();
    for _ in 0..PROCESSES {
        all.push(run::<N>(what, plugins)?);
    }
    Ok(std::array::from_fn(|index| {
        median(all.iter().map(|numbers| numbers[index]).collect())
    }))
}

/// What a fresh process measures.
fn run<const N: usize>(what: &str, plugins: &Path) -> Result<[f64; N]> {
    let mut command = Command::new(env::current_exe()?);
    let output = command.arg(what).arg(plugins).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let numbers = String::from_utf8(output.stdout)?;
    let numbers: std::result::Result<Vec<f64>, _> = numbers.lines().map(str::parse).collect();
    let numbers = <[f64; N]>::try_from(numbers?);
    numbers.map_err(|numbers| format!("{} numbers instead of {N}", numbers.len()).into())
}

/// Milliseconds to start, to list, to scan and to stop; bytes that are resident, and libraries that are mapped.
async fn host(plugins: &Path) -> Result<[f64; 6]> {
    let begin = Instant::now();
    let manager = PluginManager::builder(plugins).start().await?;
    let start = millis(begin);
    let resident = as_f64(resident()?)?;

    let api = PluginApi::new(manager.clone(), DangerouslyAllowEveryone);
    let (mut lists, mut scans) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        let request = http::Request::get("/api/plugins").body(Empty::<bytes::Bytes>::new())?;
        let begin = Instant::now();
        let response = api.clone().oneshot(request).await?;
        response.into_body().collect().await?;
        lists.push(millis(begin));
        let begin = Instant::now();
        manager.scan().await?;
        scans.push(millis(begin));
    }
    let opened = as_f64(mapped(plugins)?)?;
    let begin = Instant::now();
    manager.shutdown().await;
    let stop = millis(begin);
    Ok([start, median(lists), median(scans), stop, resident, opened])
}

/// Milliseconds to open every library, bytes that are resident then, and libraries that are mapped.
fn naive_host(plugins: &Path) -> Result<[f64; 3]> {
    let begin = Instant::now();
    let mut libraries = Vec::new();
    for entry in fs::read_dir(plugins)? {
        libraries.push(entry?.path());
    }
    let libraries = libraries.iter().map(PathBuf::as_path);
    naive::open_all(libraries.filter(|path| path.extension().is_some_and(|extension| extension == "so")))?;
    let took = millis(begin);
    Ok([took, as_f64(resident()?)?, as_f64(mapped(plugins)?)?])
}

fn millis(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}

/// A count as a number to report.
fn as_f64(count: impl TryInto<u32>) -> Result<f64> {
    count
        .try_into()
        .map(f64::from)
        .map_err(|_| "too large a count".into())
}
