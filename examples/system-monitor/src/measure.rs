//! One sample of the machine after the other.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sysinfo::{
    CpuRefreshKind, DiskRefreshKind, Disks, MINIMUM_CPU_UPDATE_INTERVAL, MemoryRefreshKind, Networks,
    RefreshKind, System,
};

/// Disks fill slowly, and asking a network file system can take long.
const DISKS_EVERY: Duration = Duration::from_secs(5);

/// What is measured, and what it was before, since most numbers are differences.
#[derive(Debug)]
pub(crate) struct Measure {
    system: System,
    networks: Networks,
    networks_read: Instant,
    disks: Disks,
    disks_read: Instant,
}

#[derive(Debug, Serialize)]
struct Sample<'a> {
    /// Since 1970.
    time_ms: u64,
    interval_ms: u64,
    cpu: Cpu,
    /// Averages over 1, 5 and 15 minutes; `None` where the operating system has none.
    load: Option<[f64; 3]>,
    memory: Memory,
    network: Network,
    disks: Vec<Disk<'a>>,
}

/// In percent.
#[derive(Debug, Serialize)]
struct Cpu {
    total: f64,
    cores: Vec<f64>,
}

/// In bytes.
#[derive(Debug, Serialize)]
struct Memory {
    total: u64,
    used: u64,
    swap_total: u64,
    swap_used: u64,
}

/// In bytes per second, of all interfaces but the loopback.
#[derive(Debug, Serialize)]
struct Network {
    received: u64,
    sent: u64,
}

/// In bytes. What is not available need not be used: some is kept for administrators.
#[derive(Debug, Serialize)]
struct Disk<'a> {
    mount: std::borrow::Cow<'a, str>,
    file_system: std::borrow::Cow<'a, str>,
    total: u64,
    available: u64,
}

impl Measure {
    /// Takes a first look, and waits until the next one can tell differences.
    pub(crate) fn new() -> Self {
        let wanted = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_cpu_usage());
        let measure = Self {
            system: System::new_with_specifics(wanted),
            networks: Networks::new_with_refreshed_list(),
            networks_read: Instant::now(),
            disks: Disks::new_with_refreshed_list_specifics(DiskRefreshKind::nothing().with_storage()),
            disks_read: Instant::now(),
        };
        thread::sleep(MINIMUM_CPU_UPDATE_INTERVAL);
        measure
    }

    /// A sample as JSON.
    pub(crate) fn sample(&mut self, interval: Duration) -> String {
        self.system.refresh_cpu_usage();
        self.system
            .refresh_memory_specifics(MemoryRefreshKind::everything());
        self.networks.refresh(true);
        let passed = self.networks_read.elapsed();
        self.networks_read = Instant::now();
        if self.disks_read.elapsed() >= DISKS_EVERY {
            self.disks
                .refresh_specifics(true, DiskRefreshKind::nothing().with_storage());
            self.disks_read = Instant::now();
        }
        let sample = Sample {
            time_ms: millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()),
            interval_ms: millis(interval),
            cpu: Cpu {
                total: tenths(self.system.global_cpu_usage()),
                cores: self
                    .system
                    .cpus()
                    .iter()
                    .map(|cpu| tenths(cpu.cpu_usage()))
                    .collect(),
            },
            load: load(),
            memory: Memory {
                total: self.system.total_memory(),
                used: self.system.used_memory(),
                swap_total: self.system.total_swap(),
                swap_used: self.system.used_swap(),
            },
            network: self.network(passed),
            disks: self.disks(),
        };
        // Numbers and texts always have a JSON form.
        serde_json::to_string(&sample).unwrap_or_default()
    }

    fn network(&self, passed: Duration) -> Network {
        let (mut received, mut sent) = (0_u64, 0_u64);
        for (name, data) in &self.networks {
            if !is_loopback(name) {
                received = received.saturating_add(data.received());
                sent = sent.saturating_add(data.transmitted());
            }
        }
        Network {
            received: per_second(received, passed),
            sent: per_second(sent, passed),
        }
    }

    /// Each disk once, where it is mounted first, largest first.
    fn disks(&self) -> Vec<Disk<'_>> {
        let mut seen = BTreeSet::new();
        let mut disks: Vec<_> = self
            .disks
            .iter()
            .filter(|disk| disk.total_space() > 0 && seen.insert(disk.name()))
            .map(|disk| Disk {
                mount: disk.mount_point().to_string_lossy(),
                file_system: disk.file_system().to_string_lossy(),
                total: disk.total_space(),
                available: disk.available_space(),
            })
            .collect();
        disks.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.mount.cmp(&b.mount)));
        disks
    }
}

fn load() -> Option<[f64; 3]> {
    // Windows has none; the crate answers with zeros there.
    (!cfg!(windows)).then(|| {
        let load = System::load_average();
        [load.one, load.five, load.fifteen]
    })
}

fn is_loopback(interface: &str) -> bool {
    matches!(interface, "lo" | "lo0") || interface.starts_with("Loopback")
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// With one digit after the point.
pub(crate) fn tenths(value: f32) -> f64 {
    (f64::from(value) * 10.0).round() / 10.0
}

fn per_second(bytes: u64, passed: Duration) -> u64 {
    let per_second = u128::from(bytes) * 1_000_000 / passed.as_micros().max(1);
    u64::try_from(per_second).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn rates_are_per_second_whatever_has_passed() {
        assert_eq!(per_second(1000, Duration::from_secs(2)), 500);
        assert_eq!(per_second(1000, Duration::from_millis(500)), 2000);
        assert_eq!(per_second(0, Duration::ZERO), 0);
        assert_eq!(per_second(u64::MAX, Duration::ZERO), u64::MAX);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(serde_json::to_string(&tenths(33.333_332)).unwrap(), "33.3");
        assert_eq!(serde_json::to_string(&tenths(f32::NAN)).unwrap(), "null");
    }

    #[test]
    fn the_loopback_is_no_network() {
        for name in ["lo", "lo0", "Loopback Pseudo-Interface 1"] {
            assert!(is_loopback(name), "{name}");
        }
        for name in ["eth0", "lowpan0", "wlp3s0", "Ethernet"] {
            assert!(!is_loopback(name), "{name}");
        }
    }

    #[test]
    fn this_machine_can_be_measured() {
        let text = Measure::new().sample(Duration::from_secs(2));
        assert!(!text.contains('\n'), "an event is one line");
        let sample: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(sample["interval_ms"], 2000);
        let cores = sample["cpu"]["cores"].as_array().unwrap();
        assert!(!cores.is_empty() && cores.iter().all(Value::is_number), "{text}");
        let memory = &sample["memory"];
        assert!(
            memory["used"].as_u64().unwrap() <= memory["total"].as_u64().unwrap(),
            "{text}"
        );
        assert!(sample["network"]["received"].is_u64(), "{text}");
    }
}
