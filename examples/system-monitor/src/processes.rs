//! The processes that use most.

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Serialize;
use sysinfo::{MINIMUM_CPU_UPDATE_INTERVAL, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::measure::tenths;

/// Longer ago, and a difference tells of the past rather than of now.
const STALE: Duration = Duration::from_secs(15);

/// Which of the processes are listed, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    sort: Sort,
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Cpu,
    Memory,
}

impl Query {
    const USUAL_LIMIT: usize = 20;
    const MAX_LIMIT: usize = 200;

    /// Reads the query's two values, or tells what is wrong.
    pub(crate) fn parse(sort: Option<&str>, limit: Option<&str>) -> Result<Self, String> {
        let sort = match sort {
            None | Some("cpu") => Sort::Cpu,
            Some("memory") => Sort::Memory,
            Some(_) => return Err("sort is cpu or memory".to_owned()),
        };
        let limit = limit.map_or(Some(Self::USUAL_LIMIT), |limit| limit.parse().ok());
        match limit.filter(|limit| (1..=Self::MAX_LIMIT).contains(limit)) {
            Some(limit) => Ok(Self { sort, limit }),
            None => Err(format!("limit is a number from 1 to {}", Self::MAX_LIMIT)),
        }
    }
}

/// The processes as they were last seen. Whoever asks waits for others who do.
#[derive(Debug, Default)]
pub(crate) struct Processes(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    system: System,
    read: Option<Instant>,
}

#[derive(Debug, Serialize)]
pub(crate) struct List {
    /// How many there are.
    total: usize,
    processes: Vec<Process>,
}

#[derive(Debug, Serialize)]
struct Process {
    pid: u32,
    name: Option<String>,
    /// In percent of one core.
    cpu: f64,
    memory_bytes: u64,
}

impl Processes {
    /// Asks the operating system, and the first time waits a moment to see differences.
    pub(crate) fn list(&self, query: Query, names: bool) -> List {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.refresh();
        let processes = seen.system.processes().values();
        let mut processes: Vec<_> = processes
            .map(|process| Process {
                pid: process.pid().as_u32(),
                name: names.then(|| process.name().to_string_lossy().into_owned()),
                cpu: tenths(process.cpu_usage()),
                memory_bytes: process.memory(),
            })
            .collect();
        drop(seen);
        let total = processes.len();
        sort(&mut processes, query.sort);
        processes.truncate(query.limit);
        List { total, processes }
    }
}

impl Seen {
    fn refresh(&mut self) {
        match self.read.map(|read| read.elapsed()) {
            Some(ago) if ago < MINIMUM_CPU_UPDATE_INTERVAL => {}
            Some(ago) if ago < STALE => self.read(),
            _ => {
                self.read();
                thread::sleep(MINIMUM_CPU_UPDATE_INTERVAL);
                self.read();
            }
        }
    }

    fn read(&mut self) {
        let wanted = ProcessRefreshKind::nothing()
            .with_cpu()
            .with_memory()
            .without_tasks();
        self.system
            .refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
        self.read = Some(Instant::now());
    }
}

/// Most first; what is equal has a lasting order, so that lists do not flicker.
fn sort(processes: &mut [Process], by: Sort) {
    processes.sort_by(|a, b| {
        let most = match by {
            Sort::Cpu => b.cpu.total_cmp(&a.cpu),
            Sort::Memory => b.memory_bytes.cmp(&a.memory_bytes),
        };
        most.then_with(|| a.pid.cmp(&b.pid))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_have_usual_values_and_bounds() {
        let usual = Query {
            sort: Sort::Cpu,
            limit: 20,
        };
        assert_eq!(Query::parse(None, None), Ok(usual));
        let asked = Query {
            sort: Sort::Memory,
            limit: 200,
        };
        assert_eq!(Query::parse(Some("memory"), Some("200")), Ok(asked));
        for sort in ["", "CPU", "pid"] {
            assert_eq!(
                Query::parse(Some(sort), None),
                Err("sort is cpu or memory".to_owned())
            );
        }
        for limit in ["", "0", "201", "-1", "1.5", "ten", "99999999999999999999"] {
            let problem = Query::parse(None, Some(limit)).unwrap_err();
            assert_eq!(problem, "limit is a number from 1 to 200", "{limit}");
        }
    }

    #[test]
    fn most_comes_first_and_ties_stay_in_place() {
        let process = |pid, cpu, memory_bytes| Process {
            pid,
            name: None,
            cpu,
            memory_bytes,
        };
        let mut processes = [
            process(3, 0.0, 9),
            process(2, 0.0, 1),
            process(1, 5.0, 1),
            process(4, f64::NAN, 1),
        ];
        let mut order = |by| {
            sort(&mut processes, by);
            processes.iter().map(|process| process.pid).collect::<Vec<_>>()
        };
        assert_eq!(order(Sort::Cpu), [4, 1, 2, 3]);
        assert_eq!(order(Sort::Memory), [3, 1, 2, 4]);
    }

    #[test]
    fn names_are_told_only_when_they_may_be() {
        let (processes, query) = (Processes::default(), Query::parse(None, Some("5")).unwrap());
        let (named, unnamed) = (processes.list(query, true), processes.list(query, false));
        assert!(named.total > 0 && named.processes.len() <= 5);
        assert!(named.processes.iter().all(|process| process.name.is_some()));
        assert!(unnamed.processes.iter().all(|process| process.name.is_none()));
    }
}
