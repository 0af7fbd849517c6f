//! Counted work against its limits; ends with a failure when one is broken.
//!
//! Called without arguments. With arguments it does one piece of work, which is how it counts itself under callgrind.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::env;
use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use toru_benches::allocations::{Counting, allocations};
use toru_benches::hosted::Hosted;
use toru_benches::libraries::Libraries;
use toru_benches::requests::{LARGE_LEN, Workload};
use toru_benches::variants::{Axum, Harness, Serve, Tower};
use toru_benches::{Result, callgrind};
use toru_host::service::PluginApi;
use tower_service::Service as _;

#[global_allocator]
static COUNTING: Counting = Counting;

/// Greatest ratio of instructions between a plugin mounted in axum as a route and a native axum handler. By the layer, the goal
/// itself is the limit.
const RATIO_MAX: f64 = 1.35;
/// The ratio aimed at.
const RATIO_GOAL: f64 = 1.20;
/// Requests of the allocation gate.
const REQUESTS: u64 = 10_000;

fn main() -> Result<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    if let [work, workload, library, repetitions] = args.as_slice() {
        repeat(work, workload, Path::new(library), repetitions.parse()?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let folder = tempfile::tempdir()?;
    let libraries = Libraries::build(folder.path())?;
    let mut passed = plugin_allocations(&libraries.counted)?;
    if callgrind::is_there() {
        passed &= instructions(&libraries.plugin, folder.path())?;
    } else {
        println!("skipped: valgrind is missing, so instructions were not counted");
    }
    Ok(if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Gates on instructions: the ratio for a small request, and copies of a large body.
fn instructions(library: &Path, folder: &Path) -> Result<bool> {
    let library = library.display().to_string();
    let count =
        |work: &str, workload: Workload| callgrind::instructions(&[work, workload.name(), &library], folder);
    let mut passed = true;
    for workload in [Workload::Small, Workload::Suspended] {
        let built = count("harness", workload)?;
        let direct = count("direct", workload)? - built;
        let native = count("native", workload)? - built;
        let tower = count("tower", workload)? - built;
        let mounted = count("mounted", workload)? - built;
        let front = count("front", workload)? - built;
        println!(
            "instructions, {}: direct {direct:.0}, native axum {native:.0}, tower service {tower:.0} ({:.3}), \
             mounted by a layer {front:.0} ({:.3}), mounted as a route {mounted:.0} ({:.3})",
            workload.name(),
            tower / native,
            front / native,
            mounted / native
        );
        if workload == Workload::Small {
            passed &= verdict(
                "plugin mounted in axum as a route / native axum, instructions",
                mounted / native,
                RATIO_MAX,
                &format!("goal {RATIO_GOAL:.2}"),
            );
            passed &= verdict(
                "plugin mounted in axum by a layer / native axum, instructions",
                front / native,
                RATIO_GOAL,
                "the goal is the limit",
            );
        }
    }

    let copy = count("memcpy", Workload::Large)?;
    let native = count("native", Workload::Large)?;
    let mounted = count("mounted", Workload::Large)?;
    println!(
        "instructions, large: native axum {native:.0}, mounted in axum {mounted:.0}, a copy of 64 KiB {copy:.0}"
    );
    passed &= verdict(
        "copies of a 64 KiB body added",
        (mounted - native) / copy,
        0.5,
        "below half a copy is none",
    );
    Ok(passed)
}

fn verdict(what: &str, value: f64, limit: f64, note: &str) -> bool {
    let passed = value <= limit;
    let word = if passed { "passed" } else { "FAILED" };
    println!("{word}: {what}: {value:.3}, at most {limit:.2} ({note})");
    passed
}

/// Gate on allocations inside the plugin's image; prints the host's.
fn plugin_allocations(library: &Path) -> Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let hosted = Hosted::start(library, "bench").await?;
        let mut service = hosted.service();
        let mut passed = true;
        for own in ["/static", "/static-suspended"] {
            read(&mut service, own).await?;
            // Telling the number allocates as well: what two questions in a row see is not the handler's.
            let first = told(&mut service).await?;
            let before = told(&mut service).await?;
            let host = allocations();
            for _ in 0..REQUESTS {
                read(&mut service, own).await?;
            }
            let host = allocations() - host;
            let made = (told(&mut service).await? - before).saturating_sub(before - first);
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let (made, host) = (made as f64, host as f64 / REQUESTS as f64);
            println!(
                "host allocations for each request to {own}, its making and reading included: {host:.2}"
            );
            passed &= verdict(
                &format!("plugin allocations for {REQUESTS} requests to {own}"),
                made,
                0.0,
                "the handler makes none itself",
            );
        }
        hosted.manager.shutdown().await;
        Ok(passed)
    })
}

async fn told(service: &mut PluginApi) -> Result<u64> {
    let body = read(service, "/allocations").await?;
    Ok(std::str::from_utf8(&body)?.parse()?)
}

async fn read(service: &mut PluginApi, own: &str) -> Result<Bytes> {
    let response = match service.call(Workload::get(own)?).await {
        Ok(response) => response,
        Err(impossible) => match impossible {},
    };
    if !response.status().is_success() {
        return Err(format!("{own} answered {}", response.status()).into());
    }
    Ok(response.into_body().collect().await?.to_bytes())
}

/// Does one piece of work over and over.
fn repeat(work: &str, workload: &str, library: &Path, repetitions: u64) -> Result {
    let mut workloads = Workload::ALL.into_iter();
    let workload = workloads
        .find(|known| known.name() == workload)
        .ok_or("no such workload")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match work {
            "memcpy" => copy(repetitions),
            "harness" => serve(Harness, workload, repetitions).await?,
            "direct" => serve(toru_benches::variants::Direct(workload), workload, repetitions).await?,
            "native" => serve(Axum::native(), workload, repetitions).await?,
            "tower" => {
                let hosted = Hosted::start(library, "bench").await?;
                serve(Tower(hosted.service()), workload, repetitions).await?;
                hosted.manager.shutdown().await;
            }
            "mounted" => {
                let hosted = Hosted::start(library, "bench").await?;
                serve(Axum::mounted(hosted.manager.clone()), workload, repetitions).await?;
                hosted.manager.shutdown().await;
            }
            "front" => {
                let hosted = Hosted::start(library, "bench").await?;
                serve(
                    toru_benches::variants::Front::new(hosted.manager.clone()),
                    workload,
                    repetitions,
                )
                .await?;
                hosted.manager.shutdown().await;
            }
            _ => return Err(format!("no such work: {work}").into()),
        }
        Ok(())
    })
}

async fn serve(mut way: impl Serve, workload: Workload, repetitions: u64) -> Result {
    let expected = workload.answer_len();
    for _ in 0..repetitions {
        let len = way.serve(workload.request()).await;
        if len != 0 && len != expected {
            return Err(format!("an answer of {len} bytes instead of {expected}").into());
        }
    }
    Ok(())
}

fn copy(repetitions: u64) {
    let from = vec![1_u8; LARGE_LEN];
    let mut to = vec![0_u8; LARGE_LEN];
    for _ in 0..repetitions {
        to.copy_from_slice(std::hint::black_box(&from));
        std::hint::black_box(&to);
    }
}
