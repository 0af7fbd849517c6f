//! The command line.

use std::process::ExitCode;

use crate::workspace::Workspace;
use crate::{Result, bench, check_plugin, demo, e2e, header, suite};

const HELP: &str = "\
The project's own automation.

Usage: cargo xtask <command>

  demo [-- ARGS]   build the demo server and the example plugins, and start them
  test [options]   run every check, step by step
  e2e [-- ARGS]    drive the demo server with a real browser
  screenshots      take pictures of every page of the demo server
  check-plugin     say what a host would say about a plugin's library, and try it out
  header [--check] generate toru-plugin-api/include/toru_plugin.h; --check compares and compiles it
  interface        compare the published crates' public interfaces with public-api.txt; --bless writes it
  bench            run the benchmarks and print their tables
  bench-http       measure whole servers over loopback, under load

`cargo xtask <command> --help` says more.
";

const DEMO_HELP: &str = "\
Builds the demo server and the example plugins, installs the plugins and starts the server.

Usage: cargo xtask demo [-- ARGS FOR THE SERVER]

The server listens on 127.0.0.1:7300 (TORU_DEMO_LISTEN), takes its plugins from demo/plugins and keeps its
data in demo/data below cargo's target folder (TORU_DEMO_PLUGINS, TORU_DEMO_DATA). TORU_DEMO_TOKEN is the
token that it asks for; without it a random one is made. Ctrl-C ends it.
";

const CHECK_PLUGIN_HELP: &str = "\
Says what a host would say about a plugin's library, and tries it out in a process of its own.

Usage: cargo xtask check-plugin FILE [options]

  --json            answer in JSON, as plugin-checker/README.md describes it
  --no-run          look at the file alone; no code of it runs
  --no-calls        call none of its routes; otherwise each without path parameters is asked with GET and HEAD
  --call PATH       call that path as well; may be repeated
  --except PATTERN  do not call that route; may be repeated
  --strict          take warnings for findings
  --config FILE     the plugin's configuration, in JSON
  --license FILE    the plugin's licence key
  --instance UUID   id of the installation, for which that key was issued
  --rounds N        how often it is enabled and disabled to see whether anything grows, 20 by default
  --timeout SECONDS when the process that runs it is ended, 180 by default

Exit code 0: nothing is wrong. 1: something is. 2: it could not be checked. Progress, and what the plugin
prints, goes to the standard error.
";

const HEADER_HELP: &str = "\
Generates toru-plugin-api/include/toru_plugin.h from toru-plugin-api/src/abi and layout.txt.

Usage: cargo xtask header [--check]

  --check  write nothing; fail if the file differs from its sources, and compile it as C11 and C++17
           with warnings as errors (compilers: CC, CXX)
";

const INTERFACE_HELP: &str = "\
Compares the public interface of each published crate with public-api.txt beside its manifest. Needs a nightly toolchain.

Usage: cargo xtask interface [--bless]

  --bless  write the files, for whoever looks at the change to see

Items that were removed or changed since the version in the file's first line stay in it behind a `-`. Each of them is told
below `### Breaking changes` in the first section of CHANGELOG.md, by its name.
";

const BENCH_HELP: &str = "\
Runs the benchmarks of toru-benches, then prints the tables of ratios and of hosts with many plugins.

Usage: cargo xtask bench
";

const BENCH_HTTP_HELP: &str = "\
Measures plugin routes beside the same handlers native, in servers under load over loopback.

Usage: cargo xtask bench-http

Takes about four minutes and two processors. Where it may (as root), it goes before everything else on the machine. Elsewhere
it wants a quiet one; on others, the processor time of a request still tells what rates cannot.
";

const E2E_HELP: &str = "\
Builds the web interface, the demo server and the example plugins, and drives them with Chromium.

Usage: cargo xtask e2e [-- ARGS FOR PLAYWRIGHT]

`-- -g V.3` runs the tests with that in their names. TORU_E2E_CHROMIUM names another browser, and with
TORU_E2E_TRACE=1 failed tests leave a record of every step. Results are in e2e below cargo's target folder.
";

const SCREENSHOTS_HELP: &str = "\
Takes pictures of every page and state of the demo server, at three widths and in both themes.

Usage: cargo xtask screenshots [-- ARGS FOR PLAYWRIGHT]

They go to screenshots below cargo's target folder, and those of the README to docs. Icons of plugins need
a font with emoji (Debian, Ubuntu: fonts-noto-color-emoji).
";

/// A command line, understood.
#[derive(Debug, PartialEq)]
enum Task {
    Help(String),
    Demo { server_args: Vec<String> },
    Test(suite::Options),
    Browser { what: e2e::What, args: Vec<String> },
    CheckPlugin { args: Vec<String> },
    Header { check: bool },
    Interface { bless: bool },
    Bench,
    BenchHttp,
}

/// Does what the arguments ask for.
pub(crate) fn run(args: impl Iterator<Item = String>) -> Result<ExitCode> {
    match parse(args)? {
        Task::Help(text) => println!("{text}"),
        Task::Demo { server_args } => demo::run(&Workspace::load()?, &server_args)?,
        Task::Test(options) => return suite::run(&Workspace::load()?, &options),
        Task::Browser { what, args } => e2e::run(&Workspace::load()?, what, &args)??,
        Task::CheckPlugin { args } => return check_plugin::run(&Workspace::load()?, &args),
        Task::Header { check: true } => header::check(&Workspace::load()?.target().join("xtask"))?,
        Task::Header { check: false } => header::write()?,
        Task::Interface { bless } => {
            if let Some(reason) = suite::interface::check(&Workspace::load()?, bless)? {
                return Err(reason.into());
            }
        }
        Task::Bench => bench::run(&Workspace::load()?)?,
        Task::BenchHttp => bench::http(&Workspace::load()?)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Task> {
    let Some(command) = args.next() else {
        return Ok(Task::Help(HELP.to_owned()));
    };
    let mut args = args.peekable();
    if args.peek().is_some_and(|arg| is_help(arg)) {
        return help(&command);
    }
    match command.as_str() {
        "demo" => Ok(Task::Demo {
            server_args: args.skip_while(|arg| arg == "--").collect(),
        }),
        "test" => test_options(args).map(Task::Test),
        "e2e" | "screenshots" => Ok(Task::Browser {
            what: match command.as_str() {
                "e2e" => e2e::What::Tests,
                _ => e2e::What::Screenshots,
            },
            args: args.skip_while(|arg| arg == "--").collect(),
        }),
        "check-plugin" => Ok(Task::CheckPlugin { args: args.collect() }),
        "header" => match (args.next().as_deref(), args.next()) {
            (None, _) => Ok(Task::Header { check: false }),
            (Some("--check"), None) => Ok(Task::Header { check: true }),
            (Some(other), _) => Err(unknown(other)),
        },
        "interface" => match (args.next().as_deref(), args.next()) {
            (None, _) => Ok(Task::Interface { bless: false }),
            (Some("--bless"), None) => Ok(Task::Interface { bless: true }),
            (Some(other), _) => Err(unknown(other)),
        },
        "bench" => match args.next() {
            None => Ok(Task::Bench),
            Some(other) => Err(unknown(&other)),
        },
        "bench-http" => match args.next() {
            None => Ok(Task::BenchHttp),
            Some(other) => Err(unknown(&other)),
        },
        "help" => Ok(Task::Help(HELP.to_owned())),
        command if is_help(command) => Ok(Task::Help(HELP.to_owned())),
        other => Err(format!("no command is named {other}\n\n{HELP}").into()),
    }
}

fn help(command: &str) -> Result<Task> {
    Ok(Task::Help(match command {
        "demo" => DEMO_HELP.to_owned(),
        "test" => suite::help(),
        "e2e" => E2E_HELP.to_owned(),
        "screenshots" => SCREENSHOTS_HELP.to_owned(),
        "check-plugin" => CHECK_PLUGIN_HELP.to_owned(),
        "header" => HEADER_HELP.to_owned(),
        "interface" => INTERFACE_HELP.to_owned(),
        "bench" => BENCH_HELP.to_owned(),
        "bench-http" => BENCH_HTTP_HELP.to_owned(),
        other => return Err(format!("no command is named {other}\n\n{HELP}").into()),
    }))
}

fn test_options(mut args: impl Iterator<Item = String>) -> Result<suite::Options> {
    let mut options = suite::Options::default();
    while let Some(arg) = args.next() {
        match arg.split_once('=').map_or((arg.as_str(), None), |(name, value)| {
            (name, Some(value.to_owned()))
        }) {
            ("--long", None) => options.long = true,
            ("--keep-going", None) => options.keep_going = true,
            ("--only", value) => {
                let step = value
                    .or_else(|| args.next())
                    .ok_or("--only wants the name of a step")?;
                options.only.push(suite::known(&step)?);
            }
            _ => return Err(unknown(&arg)),
        }
    }
    Ok(options)
}

fn is_help(arg: &str) -> bool {
    arg == "--help" || arg == "-h"
}

fn unknown(arg: &str) -> Box<dyn std::error::Error> {
    format!("unexpected argument {arg}; --help says what there is").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(line: &str) -> Result<Task> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn commands_are_understood() {
        assert_eq!(task("header").unwrap(), Task::Header { check: false });
        assert_eq!(task("header --check").unwrap(), Task::Header { check: true });
        assert_eq!(task("interface").unwrap(), Task::Interface { bless: false });
        assert_eq!(
            task("interface --bless").unwrap(),
            Task::Interface { bless: true }
        );
        assert_eq!(task("bench").unwrap(), Task::Bench);
        assert_eq!(task("bench-http").unwrap(), Task::BenchHttp);
        let server_args = vec!["--listen".to_owned(), "[::1]:80".to_owned()];
        assert_eq!(
            task("demo -- --listen [::1]:80").unwrap(),
            Task::Demo { server_args }
        );
    }

    #[test]
    fn browsers_get_the_rest_of_the_line() {
        let args = vec!["-g".to_owned(), "V.3".to_owned()];
        let what = e2e::What::Tests;
        assert_eq!(task("e2e -- -g V.3").unwrap(), Task::Browser { what, args });
    }

    #[test]
    fn a_plugin_is_checked_with_the_rest_of_the_line() {
        let args = vec!["libhello.so".to_owned(), "--json".to_owned()];
        let line = "check-plugin libhello.so --json";
        assert_eq!(task(line).unwrap(), Task::CheckPlugin { args });
    }

    #[test]
    fn steps_are_chosen_by_name() {
        let Task::Test(options) = task("test --keep-going --only fmt --only=clippy").unwrap() else {
            panic!("not the command test");
        };
        assert!(options.keep_going && !options.long);
        assert_eq!(options.only, ["fmt", "clippy"]);
        assert!(task("test --only").is_err());
        assert!(task("test --only no-such-step").is_err());
    }

    #[test]
    fn mistakes_are_refused() {
        for line in [
            "no-such-command",
            "header --chekc",
            "header --check twice",
            "interface --blees",
            "bench fast",
            "bench-http fast",
            "test --fast",
        ] {
            assert!(task(line).is_err(), "{line}");
        }
    }

    #[test]
    fn help_is_there_for_all() {
        for line in [
            "",
            "help",
            "--help",
            "demo --help",
            "test -h",
            "e2e --help",
            "screenshots --help",
            "check-plugin --help",
            "header --help",
            "interface --help",
            "bench --help",
            "bench-http --help",
        ] {
            assert!(matches!(task(line).unwrap(), Task::Help(_)), "{line}");
        }
    }
}
