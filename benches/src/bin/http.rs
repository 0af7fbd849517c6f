//! Whole servers over loopback, under load: plugin routes beside the same handlers native.
//!
//! Turns are short and interleaved, forth and back, so that a machine that becomes slower or faster does so for all. What is
//! compared was measured in the same moments, in the same process unless it says otherwise. Authorisation, admission,
//! deadlines and the header policy are on; native handlers have none of it.

#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, process, thread};

use toru_benches::Result;
use toru_benches::libraries::Libraries;
use toru_benches::load::{CONNECTIONS, Target, Turn};
use toru_benches::process::resident_of;
use toru_benches::requests::Workload::{self, Large, Small};
use toru_benches::rounds::{median, ratio};
use toru_benches::server::{Mount, NATIVE, PLUGIN, install, run};

/// Rounds, of which the median counts.
const ROUNDS: usize = 7;
/// Cycles in a round: each takes all rows forth and back.
const CYCLES: usize = 12;
/// How long a turn of a row is.
const TURN: Duration = Duration::from_millis(100);
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
struct Noise {
    median_max: f64,
    round_max: f64,
}

/// Of rates, which whatever else the machine does takes from.
const RATES: Noise = Noise {
    median_max: 0.03,
    round_max: 0.1,
};
/// Of processor times, which it hardly adds to.
const TIMES: Noise = Noise {
    median_max: 0.01,
    round_max: 0.03,
};

impl Noise {
    fn is_quiet(&self, rounds: &[f64]) -> bool {
        let mut off: Vec<f64> = rounds.iter().map(|ratio| (ratio - 1.0).abs()).collect();
        off.sort_by(f64::total_cmp);
        let is_steady = off.iter().rev().nth(2).is_none_or(|off| *off <= self.round_max);
        is_steady && (median(rounds.to_vec()) - 1.0).abs() <= self.median_max
    }
}

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
            .stdin(Stdio::piped())
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
        [] => in_front(),
        ["measure"] => {
            end_with_parent();
            report()
        }
        ["serve", mount, plugins] => {
            end_with_parent();
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

/// Measures in a session of its own. Systems that share processors out among sessions first, as desktops do, let a priority
/// within one count for nothing.
fn in_front() -> Result {
    let this = env::current_exe()?;
    let mut command = if quietly("setsid", &["--wait", "true"]) {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(this);
        command
    } else {
        Command::new(this)
    };
    let mut child = command.arg("measure").stdin(Stdio::piped()).spawn()?;
    // Held until it has ended, which it does when this is closed.
    let held = child.stdin.take();
    let status = child.wait()?;
    drop(held);
    if status.success() {
        Ok(())
    } else {
        Err(format!("measuring ended with {status}").into())
    }
}

/// Ends this process as soon as the one is gone that started it, of which a terminal may not tell another session.
fn end_with_parent() {
    thread::spawn(|| {
        // It sends nothing; an error is as good an end.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        process::exit(1);
    });
}

/// Runs a program that says nothing of interest; whether it did what it should.
fn quietly(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let command = command.args(args).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn report() -> Result {
    let folder = tempfile::tempdir()?;
    let libraries = Libraries::build(folder.path())?;
    // Others come later, where that may be asked for: servers inherit it. The second file is there where sessions count.
    let session = Path::new("/proc/self/autogroup");
    let is_first = quietly("renice", &["-n", "-20", "-p", &process::id().to_string()])
        && (!session.exists() || fs::write(session, "-20").is_ok());
    // A processor for each side, so that the scheduler does not move them around.
    let is_pinned = thread::available_parallelism()?.get() >= 2
        && quietly("taskset", &["-c", "-p", "1", &process::id().to_string()]);
    let pin: &[&str] = if is_pinned { &["taskset", "-c", "0"] } else { &[] };
    let mut servers = Vec::new();
    for (number, (mount, plugins)) in SERVERS.into_iter().enumerate() {
        let home = folder.path().join(format!("server-{number}/plugins"));
        install(&home, &libraries.plugin, &libraries.smallest, plugins)?;
        servers.push(Server::start(pin, mount, &home)?);
    }
    println!(
        "{ROUNDS} rounds of {CYCLES} cycles, two turns of {} ms a row in each, {CONNECTIONS} connections; {}, {}; \
         machine's load {}",
        TURN.as_millis(),
        if is_pinned {
            "servers and load on a processor each"
        } else {
            "not pinned"
        },
        if is_first {
            "before others"
        } else {
            "beside others"
        },
        machine_load()?
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let results = runtime.block_on(measure(&servers))?;
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

/// Rounds by row.
async fn measure(servers: &[Server]) -> Result<Vec<Vec<Round>>> {
    let mut targets = Vec::new();
    for (_, server, base, workload) in ROWS {
        let server = &servers[server];
        let request = workload.message(base);
        targets.push(Target::connect(&server.address, server.id(), request).await?);
    }
    // Each once, to warm up.
    for target in &mut targets {
        target.turn(TURN).await?;
    }
    let mut results = vec![Vec::new(); ROWS.len()];
    for _ in 0..ROUNDS {
        let mut rounds = vec![Round::default(); ROWS.len()];
        for cycle in 0..CYCLES {
            let forth = (0..ROWS.len()).map(|offset| (cycle + offset) % ROWS.len());
            let mut turns = vec![Vec::new(); ROWS.len()];
            for index in forth.clone().chain(forth.rev()) {
                turns[index].push(targets[index].turn(TURN).await?);
            }
            for (round, turns) in rounds.iter_mut().zip(turns) {
                round.add(turns);
            }
        }
        for (row, round) in results.iter_mut().zip(rounds) {
            row.push(round);
        }
    }
    Ok(results)
}

/// What a row came to in a round.
#[derive(Clone, Default)]
struct Round {
    /// Requests in a second, by cycle.
    rates: Vec<f64>,
    /// Processor time of the server for a request in microseconds, by cycle.
    times: Vec<f64>,
    /// How often the server's threads gave up their processor for a request, by cycle.
    switches: Vec<f64>,
    latencies: Vec<u32>,
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
impl Round {
    fn add(&mut self, turns: Vec<Turn>) {
        let requests = turns.iter().map(|turn| turn.latencies.len()).sum::<usize>() as f64;
        let time = turns.iter().map(|turn| turn.time).sum::<Duration>();
        let processor = turns.iter().map(|turn| turn.processor).sum::<Duration>();
        let switches = turns.iter().map(|turn| turn.switches).sum::<u64>() as f64;
        self.rates.push(requests / time.as_secs_f64());
        self.times.push(processor.as_secs_f64() * 1e6 / requests);
        self.switches.push(switches / requests);
        self.latencies
            .extend(turns.into_iter().flat_map(|turn| turn.latencies));
    }

    /// So many of a thousand answers were there after that many microseconds.
    fn latency(&self, of_thousand: usize) -> f64 {
        let mut latencies = self.latencies.clone();
        let index = (latencies.len() * of_thousand / 1000).min(latencies.len() - 1);
        let (_, latency, _) = latencies.select_nth_unstable(index);
        f64::from(*latency) / 1e3
    }
}

fn rows(results: &[Vec<Round>]) {
    println!(
        "| request | plugins | row | requests/s, median | least to most | p50, us | p99, us | processor, us | switches |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for ((name, server, _, workload), rounds) in ROWS.iter().zip(results) {
        let of = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
        let rates = of(|round| median(round.rates.clone()));
        let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
        let most = rates.iter().copied().fold(0.0, f64::max);
        println!(
            "| {} | {} | {name} | {:.0} | {least:.0} to {most:.0} | {:.0} | {:.0} | {:.2} | {:.3} |",
            workload.name(),
            SERVERS[*server].1,
            median(rates),
            median(of(|round| round.latency(500))),
            median(of(|round| round.latency(990))),
            median(of(|round| median(round.times.clone()))),
            median(of(|round| median(round.switches.clone()))),
        );
    }
}

/// Judges the rates. A server that is never without a request answers as many as it has processor time for, so the same is
/// told by that time as well, also where others take so much of the machine that rates tell nothing.
fn goals(results: &[Vec<Round>]) {
    println!(
        "\n| median of the rounds | requests/s | least to most | at least | p99 | at most | | \
         processor | least to most | at most | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    let mut is_quiet = [false; 2];
    for Goal { name, of, to, limits } in GOALS {
        let of_rounds = |value: fn(&Round, &Round) -> f64| -> Vec<f64> {
            let pairs = results[of].iter().zip(&results[to]);
            pairs.map(|(of, to)| value(of, to)).collect()
        };
        // Cycle by cycle, so that one in which others were busy does not count.
        let rates = of_rounds(|of, to| ratio(&of.rates, &to.rates));
        let times = of_rounds(|of, to| ratio(&of.times, &to.times));
        let p99 = median(of_rounds(|of, to| of.latency(990) / to.latency(990)));
        let (rate, time) = (median(rates.clone()), median(times.clone()));
        let (at_least, at_most, time_max, verdicts) = match limits {
            None => {
                is_quiet = [RATES.is_quiet(&rates), TIMES.is_quiet(&times)];
                let word = |is_quiet| if is_quiet { "quiet" } else { "noisy" };
                (String::new(), String::new(), String::new(), is_quiet.map(word))
            }
            Some((least, most)) => {
                let holds = [rate >= least && p99 <= most, time <= 1.0 / least];
                let verdict = |index: usize| match (is_quiet[index], holds[index]) {
                    (false, _) => "not told",
                    (true, true) => "holds",
                    (true, false) => "missed",
                };
                let time_max = format!("{:.3}", 1.0 / least);
                let verdicts = [verdict(0), verdict(1)];
                (format!("{least:.2}"), format!("{most:.2}"), time_max, verdicts)
            }
        };
        println!(
            "| {name} | {rate:.3} | {} | {at_least} | {p99:.2} | {at_most} | {} | {time:.3} | {} | {time_max} | {} |",
            range(&rates),
            verdicts[0],
            range(&times),
            verdicts[1],
        );
    }
}

fn range(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    format!("{least:.3} to {most:.3}")
}

/// Runnable threads of the machine, over the last minute.
fn machine_load() -> Result<String> {
    let told = fs::read_to_string("/proc/loadavg")?;
    Ok(told.split(' ').next().unwrap_or_default().to_owned())
}
