//! Many large uploads at once, and the memory of the server that gets them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use toru_axum::PluginLimits;

use crate::server::Server;

/// Tells the process that a test started it, and which limits it has.
const LIMITS: &str = "TORU_TEST_UPLOAD_LIMITS";
/// What it prints in front of its address.
const ADDRESS: &str = "address: ";
/// Uploads at a time.
const CLIENTS: usize = 200;
/// What the server may take up, in MiB.
const MEMORY_MAX: usize = 256;
const MIB: usize = 1 << 20;

/// A server in a process of its own, so that nobody else's memory is counted.
struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(limits: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["uploads::process", "--exact", "--ignored", "--nocapture"])
            .env(LIMITS, limits)
            .stdout(Stdio::piped())
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.find_map(|line| line.unwrap().strip_prefix(ADDRESS)?.parse().ok());
        Self {
            child,
            address: address.expect("the server tells its address"),
        }
    }

    /// Most memory that was resident so far, in MiB.
    fn most(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() / 1024
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the server that another test starts"]
async fn process() {
    let limits = match std::env::var(LIMITS).as_deref() {
        Ok("usual") => PluginLimits::default(),
        Ok("raised") => PluginLimits::default()
            .max_request_body(u64::MAX)
            .max_in_flight(CLIENTS)
            .timeout(Duration::MAX),
        _ => return println!("skipped: it is run by another test only"),
    };
    let server = Server::start_with(limits).await;
    println!("\n{ADDRESS}{}", server.address);
    // Until the one who started it is gone.
    let _ = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new())).await;
}

/// Sends a body of unknown length as fast as it is taken; how it was answered, 0 for not at all.
async fn upload(address: SocketAddr, route: &str, len: usize) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let (mut from, mut to) = stream.split();
    let sending = async {
        let head = format!(
            "POST /api/plugins/wire/{route} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        to.write_all(head.as_bytes()).await?;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        for _ in 0..len / 0x10000 {
            to.write_all(chunk.as_bytes()).await?;
        }
        to.write_all(b"0\r\n\r\n").await
    };
    let mut answer = Vec::new();
    // Whoever sends more than is taken may be cut off before it has read why.
    let (_, _) = tokio::join!(sending, from.read_to_end(&mut answer));
    let status = answer
        .get(9..12)
        .and_then(|status| std::str::from_utf8(status).ok());
    status.and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// How many uploads were answered in which way, and the memory that the server took for it.
async fn uploads(
    limits: &str,
    route: &'static str,
    clients: usize,
    len: usize,
) -> (BTreeMap<u16, usize>, usize) {
    let server = Process::start(limits);
    let before = server.most();
    let tasks = (0..clients).map(|_| tokio::spawn(upload(server.address, route, len)));
    let mut statuses = BTreeMap::new();
    for task in tasks.collect::<Vec<_>>() {
        *statuses.entry(task.await.unwrap()).or_default() += 1;
    }
    let most = server.most();
    println!(
        "{clients} x {} MiB to /{route} with {limits} limits: {statuses:?}, {before} MiB grew to {most} MiB",
        len / MIB
    );
    (statuses, most)
}

fn len() -> usize {
    let is_long = std::env::var_os("TORU_TEST_LONG").is_some();
    if is_long { 100 * MIB } else { 4 * MIB }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_uploads_beyond_the_limit_are_refused_in_bounded_memory() {
    for route in ["read", "read-slowly", "ignore"] {
        let (statuses, most) = uploads("usual", route, CLIENTS, len()).await;
        let refused = |status: &u16| matches!(status, 0 | 413 | 503);
        assert!(
            route == "ignore" || statuses.keys().all(refused),
            "{route}: {statuses:?}"
        );
        assert!(most < MEMORY_MAX, "{route}: {most} MiB");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_uploads_that_are_read_slowly_take_bounded_memory() {
    let (statuses, most) = uploads("raised", "read-slowly", CLIENTS, len()).await;
    assert_eq!(statuses, [(200, CLIENTS)].into());
    assert!(most < MEMORY_MAX, "{most} MiB");
}

/// The control: a plugin that wants all of each body at once is seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_kept_are_seen_in_the_memory() {
    let (_, most) = uploads("raised", "read", CLIENTS / 2, 4 * MIB).await;
    assert!(most > MEMORY_MAX, "{most} MiB");
}
