//! A disk that fails at a call of the test's choice.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::Mutex;

use rustix::fs::Stat;
use rustix::io::Errno;

use super::platter::{Names, Platter};
use super::{Disk, RealDisk};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// One call answers with this error.
    Error(Errno),
    /// One call fails after half of a write has happened.
    Torn,
    /// One call reads or writes half of what it was asked for; another call is as ever.
    Short,
    /// The process dies before the call: neither it nor any later one has an effect.
    Death,
    /// The process dies within the call: half of a write has happened.
    TornDeath,
}

/// The faults of the first list pass unseen, those of the second may be seen.
pub(crate) const HARMLESS: [Fault; 2] = [Fault::Error(Errno::INTR), Fault::Short];
pub(crate) const ERRORS: [Fault; 3] = [Fault::Error(Errno::IO), Fault::Error(Errno::NOSPC), Fault::Torn];
pub(crate) const DEATHS: [Fault; 2] = [Fault::Death, Fault::TornDeath];

#[derive(Debug, Default)]
struct Plan {
    fault: Option<(usize, Fault)>,
    next: Option<(&'static str, Errno)>,
    calls: Vec<&'static str>,
    is_dead: bool,
}

/// The file system, with one fault armed.
#[derive(Debug, Default)]
pub(crate) struct FaultyDisk {
    plan: Mutex<Plan>,
    platter: Mutex<Platter>,
}

/// What a call is to do.
enum Course {
    Whole,
    Half,
    /// Do half of it, then fail.
    Torn,
}

impl FaultyDisk {
    /// Forgets earlier calls and lets the `number`-th from now fail, counted from 1.
    pub(crate) fn arm(&self, number: usize, fault: Fault) {
        *self.plan.lock().unwrap() = Plan {
            fault: Some((number, fault)),
            ..Plan::default()
        };
    }

    /// Lets the next call of this name fail.
    pub(crate) fn fail_next(&self, call: &'static str, error: Errno) {
        self.plan.lock().unwrap().next = Some((call, error));
    }

    /// Makes calls succeed again, and tells whether there were enough of them for the fault.
    pub(crate) fn disarm(&self) -> bool {
        let plan = std::mem::take(&mut *self.plan.lock().unwrap());
        plan.fault.is_some_and(|(number, _)| plan.calls.len() >= number)
    }

    /// Takes a folder for flushed as it is.
    pub(crate) fn track(&self, folder: &Path) {
        *self.platter.lock().unwrap() = Platter::of(folder);
    }

    /// What would be left of the folder that is tracked if the machine lost its power now.
    pub(crate) fn power_loss(&self, folder: &Path, names: Names) -> tempfile::TempDir {
        self.platter.lock().unwrap().survivor(folder, names)
    }

    /// The calls since the last `arm` or `disarm`.
    pub(crate) fn calls(&self) -> Vec<&'static str> {
        self.plan.lock().unwrap().calls.clone()
    }

    fn call(&self, name: &'static str) -> io::Result<Course> {
        let mut plan = self.plan.lock().unwrap();
        plan.calls.push(name);
        if let Some((_, error)) = plan.next.take_if(|(call, _)| *call == name) {
            return Err(error.into());
        }
        let is_due = plan.fault.is_some_and(|(number, _)| number == plan.calls.len());
        match plan.fault {
            _ if plan.is_dead => Err(Errno::IO.into()),
            Some((_, fault)) if is_due => match fault {
                Fault::Error(error) => Err(error.into()),
                Fault::Torn => Ok(Course::Torn),
                Fault::Short => Ok(Course::Half),
                Fault::Death => {
                    plan.is_dead = true;
                    Err(Errno::IO.into())
                }
                Fault::TornDeath => {
                    plan.is_dead = true;
                    Ok(Course::Torn)
                }
            },
            _ => Ok(Course::Whole),
        }
    }

    /// A call that has no halves.
    fn whole<T>(&self, name: &'static str, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.call(name)? {
            Course::Whole | Course::Half => call(),
            Course::Torn => Err(Errno::IO.into()),
        }
    }
}

impl FaultyDisk {
    fn flush(&self, name: &'static str, file: &File, call: fn(&File) -> io::Result<()>) -> io::Result<()> {
        let result = self.whole(name, || call(file));
        let mut platter = self.platter.lock().unwrap();
        match &result {
            Ok(()) => platter.flushed(file),
            // Interrupted before anything was tried.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => platter.failed_to_flush(file),
        }
        result
    }
}

impl Disk for FaultyDisk {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.whole("make_folder", || RealDisk.make_folder(path))
    }

    fn open_folder(&self, path: &Path) -> io::Result<File> {
        self.whole("open_folder", || RealDisk.open_folder(path))
    }

    fn stat(&self, folder: &File, name: &str) -> io::Result<Stat> {
        self.whole("stat", || RealDisk.stat(folder, name))
    }

    fn open(&self, folder: &File, name: &str) -> io::Result<File> {
        self.whole("open", || RealDisk.open(folder, name))
    }

    fn open_append(&self, folder: &File, name: &str) -> io::Result<File> {
        self.whole("open_append", || RealDisk.open_append(folder, name))
    }

    fn create_new(&self, folder: &File, name: &str) -> io::Result<File> {
        let file = self.whole("create_new", || RealDisk.create_new(folder, name))?;
        self.platter.lock().unwrap().made(&file);
        Ok(file)
    }

    fn metadata(&self, file: &File) -> io::Result<Metadata> {
        self.whole("metadata", || RealDisk.metadata(file))
    }

    fn read(&self, file: &File, buffer: &mut [u8]) -> io::Result<usize> {
        // Reading nothing would mean the end of the file.
        match self.call("read")? {
            Course::Whole => RealDisk.read(file, buffer),
            Course::Half => RealDisk.read(file, &mut buffer[..7]),
            Course::Torn => Err(Errno::IO.into()),
        }
    }

    fn write(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        match self.call("write")? {
            Course::Whole => RealDisk.write(file, bytes),
            Course::Half => RealDisk.write(file, &bytes[..bytes.len().div_ceil(2)]),
            Course::Torn => {
                RealDisk.write(file, &bytes[..bytes.len() / 2])?;
                Err(Errno::IO.into())
            }
        }
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.flush("sync", file, File::sync_all)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        self.flush("sync_data", file, File::sync_data)
    }

    fn link(&self, folder: &File, name: &str, second: &str) -> io::Result<()> {
        self.whole("link", || RealDisk.link(folder, name, second))
    }

    fn rename(&self, folder: &File, from: &str, to: &str) -> io::Result<()> {
        self.whole("rename", || RealDisk.rename(folder, from, to))
    }

    fn rename_new(&self, folder: &File, from: &str, to: &str) -> io::Result<()> {
        self.whole("rename_new", || RealDisk.rename_new(folder, from, to))
    }

    fn remove(&self, folder: &File, name: &str) -> io::Result<()> {
        self.whole("remove", || RealDisk.remove(folder, name))
    }
}
