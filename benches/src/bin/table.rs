//! What a plugin costs, as ratios measured side by side on this machine, with goals.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::path::Path;
use std::process::Command;
use std::{env, fs};

use tokio::runtime::Runtime;
use toru_benches::Result;
use toru_benches::copies::copies;
use toru_benches::crossing::{Crossing, direct};
use toru_benches::hosted::Hosted;
use toru_benches::libraries::Libraries;
use toru_benches::naive;
use toru_benches::process::resident;
use toru_benches::requests::Workload;
use toru_benches::rounds::{Turn, median, ratio, rounds, serving};
use toru_benches::variants::{Axum, Direct, Front, Harness, Naive, Tower};
use toru_host::PluginManager;

/// Rounds of each table.
const ROUNDS: usize = 60;
/// Copies of the smallest plugin that are enabled to weigh them.
const COPIES: usize = 100;

/// Names of the ways, in the order in which [`ways`] lists them.
const WAYS: [&str; 7] = [
    "harness (drop the request)",
    "direct call",
    "native axum handler",
    "plugin, tower service alone",
    "plugin, mounted in axum as a route",
    "plugin, mounted in axum by a layer",
    "naive Box<dyn Trait>",
];
const NATIVE: usize = 2;
const TOWER: usize = 3;
const MOUNTED: usize = 4;
const FRONT: usize = 5;

/// One line of the verdicts.
struct Line {
    what: String,
    value: f64,
    goal: f64,
    unit: &'static str,
}

fn main() -> Result {
    let args: Vec<String> = env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let [folder, ids] = args.as_slice() {
        println!("{}", runtime.block_on(weigh(Path::new(folder), ids))?);
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let libraries = Libraries::build(folder.path())?;

    let mut lines = Vec::new();
    times(&runtime, &libraries, &mut lines)?;
    crossing(&libraries, &mut lines)?;
    lines.push(memory(&libraries.smallest, folder.path())?);

    println!("\n| goal | measured | at most | |\n|---|---|---|---|");
    for Line {
        what,
        value,
        goal,
        unit,
    } in lines
    {
        let verdict = if value <= goal { "holds" } else { "missed" };
        println!("| {what} | {value:.2}{unit} | {goal:.2}{unit} | {verdict} |");
    }
    Ok(())
}

/// The ways of one workload, ready to be timed.
fn ways<'a>(
    runtime: &'a Runtime,
    hosted: &Hosted,
    libraries: &Libraries,
    workload: Workload,
) -> Result<[Turn<'a>; WAYS.len()]> {
    Ok([
        serving(runtime, workload, Harness),
        serving(runtime, workload, Direct(workload)),
        serving(runtime, workload, Axum::native()),
        serving(runtime, workload, Tower(hosted.service())),
        serving(runtime, workload, Axum::mounted(hosted.manager.clone())),
        serving(runtime, workload, Front::new(hosted.manager.clone())),
        serving(runtime, workload, Naive(naive::open(&libraries.naive)?)),
    ])
}

fn times(runtime: &Runtime, libraries: &Libraries, lines: &mut Vec<Line>) -> Result {
    let hosted = runtime.block_on(Hosted::start(&libraries.plugin, "bench"))?;
    for workload in Workload::ALL {
        let mut turns = ways(runtime, &hosted, libraries, workload)?;
        let times = rounds(&mut turns, ROUNDS);
        println!(
            "\n| {} | median ns | x native axum |\n|---|---|---|",
            workload.name()
        );
        for (name, series) in WAYS.iter().zip(&times) {
            let (median, ratio) = (median(series.clone()), ratio(series, &times[NATIVE]));
            println!("| {name} | {median:.0} | {ratio:.3} |");
        }
        let (mounted, tower) = match workload {
            Workload::Small => (1.10, 0.75),
            Workload::Suspended => continue,
            Workload::Large => (1.05, f64::NAN),
        };
        for (how, way) in [("as a route", MOUNTED), ("by a layer", FRONT)] {
            lines.push(Line {
                what: format!(
                    "plugin mounted in axum {how} / native axum, {}, time",
                    workload.name()
                ),
                value: ratio(&times[way], &times[NATIVE]),
                goal: mounted,
                unit: "",
            });
        }
        if tower.is_finite() {
            lines.push(Line {
                what: format!("plugin by tower alone / native axum, {}, time", workload.name()),
                value: ratio(&times[TOWER], &times[NATIVE]),
                goal: tower,
                unit: "",
            });
        }
    }
    runtime.block_on(hosted.manager.shutdown());
    Ok(())
}

fn crossing(libraries: &Libraries, lines: &mut Vec<Line>) -> Result {
    let crossing = Crossing::open(&libraries.plugin)?;
    let mut turns = [
        direct(false),
        crossing.turn("/static")?,
        direct(true),
        crossing.turn("/static-suspended")?,
    ];
    let times = rounds(&mut turns, ROUNDS);
    let over = |through: usize, direct: usize| {
        let difference = |(through, direct): (&f64, &f64)| through - direct;
        median(
            times[through]
                .iter()
                .zip(&times[direct])
                .map(difference)
                .collect(),
        )
    };
    let line = |what: &str, value, goal| Line {
        what: what.to_owned(),
        value,
        goal,
        unit: " ns",
    };
    lines.push(line("the crossing over a direct call, inline", over(1, 0), 50.0));
    lines.push(line(
        "the crossing over a direct call, suspended once",
        over(3, 2),
        100.0,
    ));
    Ok(())
}

/// Has a fresh process enable many copies of a small plugin and weigh itself.
fn memory(library: &Path, folder: &Path) -> Result<Line> {
    let plugins = folder.join("plugins");
    fs::create_dir(&plugins)?;
    let ids = copies(library, &plugins, COPIES)?;
    let output = Command::new(env::current_exe()?)
        .arg(&plugins)
        .arg(ids.join(","))
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let bytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok(Line {
        what: format!("memory of an enabled small plugin, by {COPIES} of them"),
        value: bytes / 1e6,
        goal: 0.3,
        unit: " MB",
    })
}

/// Bytes by which this process grows for each plugin that it enables.
async fn weigh(plugins: &Path, ids: &str) -> Result<f64> {
    let ids: Vec<&str> = ids.split(',').collect();
    let manager = PluginManager::builder(plugins).start().await?;
    // What the first one brings along is the host's own.
    let (first, rest) = ids.split_first().ok_or("no plugin to weigh")?;
    manager.enable(&first.parse()?).await?;
    let before = resident()?;
    for id in rest {
        manager.enable(&id.parse()?).await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let each = (resident()? - before) as f64 / rest.len() as f64;
    manager.shutdown().await;
    Ok(each)
}
