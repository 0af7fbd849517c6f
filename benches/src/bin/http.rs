//! Whole servers over loopback, under the load of wrk: plugin routes beside the same handlers native.
//!
//! Rounds are interleaved, and what is compared was measured in the same round, in the same process unless it says
//! otherwise. Authorisation, admission, deadlines and the header policy are on; native handlers have none of it.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{env, fs, thread};

use toru_benches::Result;
use toru_benches::libraries::Libraries;
use toru_benches::process::{processor_time_of, resident_of};
use toru_benches::requests::Workload::{self, Large, Small};
use toru_benches::rounds::{median, ratio};
use toru_benches::server::{Mount, NATIVE, PLUGIN, install, run};
use toru_benches::wrk::{CONNECTIONS, Load, load, script};

/// Rounds, of which the median counts.
const ROUNDS: usize = 7;
/// Turns of each row in one round, forth and back: a machine that becomes slower or faster meanwhile does so for all.
const TURNS: usize = 2;
/// How long a turn is; wrk takes whole seconds.
const SECONDS: u32 = 1;
/// Plugins in the server with many.
const MANY: usize = 100;

/// Servers by mount and number of plugins.
const SERVERS: [(Mount, usize); 3] = [(Mount::Layer, 1), (Mount::Route, 1), (Mount::Layer, MANY)];

/// What is measured: a name, the server, the path and the request.
const ROWS: [(&str, usize, &str, Workload); 12] = [
    ("native", 0, NATIVE, Small),
    ("native again", 0, NATIVE, Small),
    ("plugin by layer", 0, PLUGIN, Small),
    ("native", 1, NATIVE, Small),
    ("plugin as route", 1, PLUGIN, Small),
    ("native", 2, NATIVE, Small),
    ("plugin by layer", 2, PLUGIN, Small),
    ("native", 0, NATIVE, Large),
    ("native again", 0, NATIVE, Large),
    ("plugin by layer", 0, PLUGIN, Large),
    ("native", 1, NATIVE, Large),
    ("plugin as route", 1, PLUGIN, Large),
];

/// What is held against what, and within which limits.
struct Goal {
    name: &'static str,
    of: usize,
    to: usize,
    /// Least that the ratio of rates may be, and most that the ratio of the 99th percentiles may be.
    limits: Option<(f64, f64)>,
}

/// A goal, or without limits a control: the same twice, which shows the noise for the goals that follow it.
const fn goal(name: &'static str, of: usize, to: usize, limits: Option<(f64, f64)>) -> Goal {
    Goal { name, of, to, limits }
}

/// How far the median of a control may be from 1 for the goals behind it to be judged, and how far all its rounds but two:
/// a median can be right by luck.
const NOISE_MAX: f64 = 0.03;
const ROUND_NOISE_MAX: f64 = 0.1;

const GOALS: [Goal; 8] = [
    goal("control, small: native again / native", 1, 0, None),
    goal("small, by layer / native", 2, 0, Some((0.97, 1.2))),
    goal("small, as route / native", 4, 3, Some((0.97, 1.2))),
    goal("control, 64 KiB: native again / native", 8, 7, None),
    goal("64 KiB, by layer / native", 9, 7, Some((0.95, 1.2))),
    goal("64 KiB, as route / native", 11, 10, Some((0.95, 1.2))),
    goal("control, two processes: native / native", 5, 0, None),
    goal("100 plugins / one plugin", 6, 2, Some((0.97, 1.2))),
];

/// A server process. Killed when it is dropped.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(pin: &[&str], mount: Mount, plugins: &Path) -> Result<Self> {
        let this = env::current_exe()?;
        let mount = if mount == Mount::Layer { "layer" } else { "route" };
        let mut command = match pin {
            [] => Command::new(this),
            [program, args @ ..] => {
                let mut command = Command::new(program);
                command.args(args).arg(this);
                command
            }
        };
        let mut child = command
            .args(["serve", mount])
            .arg(plugins)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut address)?;
        }
        let address = address.trim().to_owned();
        Ok(Self { child, address })
    }

    fn id(&self) -> String {
        self.child.id().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn main() -> Result {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => report(),
        ["serve", mount, plugins] => {
            let mount = if mount == "route" {
                Mount::Route
            } else {
                Mount::Layer
            };
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()?;
            runtime.block_on(run(mount, Path::new(plugins)))
        }
        _ => Err("takes no arguments".into()),
    }
}

fn report() -> Result {
    let folder = tempfile::tempdir()?;
    let libraries = Libraries::build(folder.path())?;
    // A processor for each side, so that the scheduler does not move them around.
    let is_pinned = thread::available_parallelism()?.get() >= 2 && Path::new("/usr/bin/taskset").exists();
    let pins = if is_pinned {
        [vec!["taskset", "-c", "0"], vec!["taskset", "-c", "1"]]
    } else {
        [vec![], vec![]]
    };
    let mut servers = Vec::new();
    for (number, (mount, plugins)) in SERVERS.into_iter().enumerate() {
        let home = folder.path().join(format!("server-{number}/plugins"));
        install(&home, &libraries.plugin, &libraries.smallest, plugins)?;
        servers.push(Server::start(&pins[0], mount, &home)?);
    }
    let scripts = [script(folder.path(), Small)?, script(folder.path(), Large)?];
    println!(
        "{ROUNDS} rounds, {TURNS} turns of {SECONDS} s a row in each, {CONNECTIONS} connections; {}; machine's load {}",
        if is_pinned {
            "server and wrk on a processor each"
        } else {
            "not pinned"
        },
        machine_load()?
    );
    let mut results = vec![Vec::new(); ROWS.len()];
    for round in 0..=ROUNDS {
        let forth = (0..ROWS.len()).map(|offset| (round + offset) % ROWS.len());
        let mut turns = vec![Vec::new(); ROWS.len()];
        for index in forth.clone().chain(forth.rev()) {
            let (_, server, base, workload) = ROWS[index];
            let server = &servers[server];
            let (path, script) = match workload {
                Large => ("copy", &scripts[1]),
                Small | Workload::Suspended => ("small/4711", &scripts[0]),
            };
            let url = format!("http://{}{base}/{path}", server.address);
            let before = processor_time_of(&server.id())?;
            let load = load(&pins[1], script, &url, SECONDS)?;
            #[expect(clippy::cast_precision_loss, reason = "a second, in nanoseconds")]
            let time = (processor_time_of(&server.id())? - before) as f64;
            turns[index].push((load, time / 1e3 / load.requests));
        }
        // The first round warms up.
        if round > 0 {
            for (row, turns) in results.iter_mut().zip(&turns) {
                row.push(mean(turns));
            }
        }
    }
    println!("machine's load at the end {}\n", machine_load()?);
    rows(&results);
    goals(&results);
    println!("\n| server | resident memory |\n|---|---|");
    for (server, (mount, plugins)) in servers.iter().zip(SERVERS) {
        #[expect(clippy::cast_precision_loss, reason = "a number to print")]
        let resident = resident_of(&server.id())? as f64 / 1e6;
        println!("| {mount:?}, {plugins} plugins | {resident:.1} MB |");
    }
    Ok(())
}

/// What the turns of a round come to.
fn mean(turns: &[(Load, f64)]) -> (Load, f64) {
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let of = |value: fn(&(Load, f64)) -> f64| turns.iter().map(value).sum::<f64>() / turns.len() as f64;
    let load = Load {
        requests: of(|turn| turn.0.requests),
        rate: of(|turn| turn.0.rate),
        p50: of(|turn| turn.0.p50),
        p99: of(|turn| turn.0.p99),
    };
    (load, of(|turn| turn.1))
}

/// Loads, each with the server's processor time for a request in microseconds.
type Results = [Vec<(Load, f64)>];

fn rows(results: &Results) {
    println!(
        "| request | plugins | row | requests/s, median | least to most | p50, us | p99, us | processor, us |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for ((name, server, _, workload), turns) in ROWS.iter().zip(results) {
        let of = |value: fn(&(Load, f64)) -> f64| turns.iter().map(value).collect::<Vec<_>>();
        let rates = of(|turn| turn.0.rate);
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        println!(
            "| {} | {} | {name} | {:.0} | {least:.0} to {most:.0} | {:.0} | {:.0} | {:.2} |",
            workload.name(),
            SERVERS[*server].1,
            median(rates),
            median(of(|turn| turn.0.p50)),
            median(of(|turn| turn.0.p99)),
            median(of(|turn| turn.1)),
        );
    }
}

fn goals(results: &Results) {
    println!("\n| median of the rounds' ratios | requests/s | at least | p99 | at most | processor | |");
    println!("|---|---|---|---|---|---|---|");
    let mut is_quiet = false;
    for Goal { name, of, to, limits } in GOALS {
        let of_rounds = |value: fn(&(Load, f64)) -> f64| {
            let [of, to] = [of, to].map(|row| results[row].iter().map(value).collect::<Vec<_>>());
            ratio(&of, &to)
        };
        let (rate, p99) = (of_rounds(|turn| turn.0.rate), of_rounds(|turn| turn.0.p99));
        let time = of_rounds(|turn| turn.1);
        let (at_least, at_most, verdict) = match limits {
            None => {
                let rounds = results[of].iter().zip(&results[to]);
                let mut off: Vec<f64> = rounds
                    .map(|(of, to)| (of.0.rate / to.0.rate - 1.0).abs())
                    .collect();
                off.sort_by(f64::total_cmp);
                let is_steady = off.iter().rev().nth(2).is_none_or(|off| *off <= ROUND_NOISE_MAX);
                is_quiet = is_steady && (rate - 1.0).abs() <= NOISE_MAX;
                let verdict = if is_quiet {
                    "quiet"
                } else {
                    "noisy: nothing below can be told"
                };
                (String::new(), String::new(), verdict)
            }
            Some((least, most)) => {
                let verdict = match (is_quiet, rate >= least && p99 <= most) {
                    (false, _) => "not told",
                    (true, true) => "holds",
                    (true, false) => "missed",
                };
                (format!("{least:.2}"), format!("{most:.2}"), verdict)
            }
        };
        println!("| {name} | {rate:.3} | {at_least} | {p99:.2} | {at_most} | {time:.3} | {verdict} |");
    }
}

/// Runnable threads of the machine, over the last minute.
fn machine_load() -> Result<String> {
    let told = fs::read_to_string("/proc/loadavg")?;
    Ok(told.split(' ').next().unwrap_or_default().to_owned())
}
