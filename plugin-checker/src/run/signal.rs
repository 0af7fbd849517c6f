//! Names of signals.

/// Those by which a process ends that did something wrong, by their numbers on Linux.
const NAMES: [(i32, &str); 12] = [
    (1, "SIGHUP"),
    (2, "SIGINT"),
    (4, "SIGILL"),
    (5, "SIGTRAP"),
    (6, "SIGABRT"),
    (7, "SIGBUS"),
    (8, "SIGFPE"),
    (9, "SIGKILL"),
    (11, "SIGSEGV"),
    (13, "SIGPIPE"),
    (15, "SIGTERM"),
    (31, "SIGSYS"),
];

/// The signal's name, or its number.
pub(super) fn name(number: i32) -> String {
    let known = NAMES.iter().find(|(known, _)| *known == number);
    known.map_or_else(|| format!("signal {number}"), |(_, name)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn signals_have_the_names_that_people_know() {
        assert_eq!(name(6), "SIGABRT");
        assert_eq!(name(11), "SIGSEGV");
        assert_eq!(name(64), "signal 64");
    }
}
