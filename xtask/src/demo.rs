//! `cargo xtask demo`: the demo server with the example plugins.

use std::env;
use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Command;

use crate::process::{cargo, run as run_command};
use crate::workspace::Workspace;
use crate::{Result, examples};

/// Builds, installs, says what to try and becomes the server.
pub(crate) fn run(workspace: &Workspace, server_args: &[String]) -> Result {
    if !workspace.has_package("demo-server") {
        return Err("the workspace has no demo-server yet".into());
    }
    let folder = workspace.target().join("demo");
    let plugins = setting("TORU_DEMO_PLUGINS").map_or_else(|| folder.join("plugins"), PathBuf::from);
    let data = setting("TORU_DEMO_DATA").map_or_else(|| folder.join("data"), PathBuf::from);
    fs::create_dir_all(&plugins)?;
    fs::create_dir_all(&data)?;

    let mut build = cargo();
    build.args(["build", "--release", "--package", "demo-server"]);
    run_command(build.current_dir(workspace.root()))?;
    for built in [examples::hello_plugin(workspace)?, examples::c_plugin(workspace)?] {
        match built {
            Ok(library) => examples::install(&library, &plugins)?,
            Err(reason) => println!("{reason}"),
        }
    }

    let listen = setting("TORU_DEMO_LISTEN").unwrap_or_else(|| "127.0.0.1:7300".to_owned());
    let token = setting("TORU_DEMO_TOKEN").map_or_else(random_token, Ok)?;
    println!("{}", advice(&address(&listen, server_args), &token));

    let program = workspace
        .target()
        .join("release")
        .join(format!("demo-server{}", env::consts::EXE_SUFFIX));
    let mut server = Command::new(program);
    server.args(["--listen", &listen]);
    server
        .arg("--plugins")
        .arg(plugins)
        .arg("--data")
        .arg(data)
        .args(server_args);
    become_program(server.env("TORU_DEMO_TOKEN", token).current_dir(workspace.root()))
}

/// Replaces this program by the server, so that signals reach it and nothing is left behind.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result {
    use std::os::unix::process::CommandExt as _;
    let error = command.exec();
    Err(format!(
        "cannot start {}: {error}",
        command.get_program().to_string_lossy()
    )
    .into())
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result {
    run_command(command)
}

/// The address that the server will listen on: the last word counts.
fn address(listen: &str, server_args: &[String]) -> String {
    let mut address = listen;
    for (at, arg) in server_args.iter().enumerate() {
        if let Some(value) = arg.strip_prefix("--listen=") {
            address = value;
        } else if arg == "--listen"
            && let Some(value) = server_args.get(at + 1)
        {
            address = value;
        }
    }
    address.to_owned()
}

fn advice(address: &str, token: &str) -> String {
    let auth = format!("-H 'Authorization: Bearer {token}'");
    let api = format!("http://{address}/api/plugins");
    format!(
        "\nTry, in a browser: http://{address}/\n\
         or in another terminal:\n\n  \
         curl {auth} {api}\n  \
         curl {auth} -X POST {api}/hello/enable\n  \
         curl {auth} {api}/hello/greeting/world\n  \
         curl {auth} -X POST {api}/c-hello/enable\n  \
         curl {auth} {api}/c-hello/greeting/world\n  \
         curl {auth} {api}/c-hello/later\n"
    )
}

fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// 128 random bits in hexadecimal.
fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|error| format!("no random numbers here ({error}); set TORU_DEMO_TOKEN"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_address_counts() {
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(address("a:1", &[]), "a:1");
        assert_eq!(address("a:1", &args("--verbose --listen b:2")), "b:2");
        assert_eq!(address("a:1", &args("--listen=b:2 --listen=c:3")), "c:3");
        assert_eq!(address("a:1", &args("--listen")), "a:1");
    }

    #[test]
    fn advice_can_be_pasted() {
        let text = advice("127.0.0.1:7300", "secret");
        assert!(text.contains("curl -H 'Authorization: Bearer secret' http://127.0.0.1:7300/api/plugins\n"));
    }

    #[cfg(unix)]
    #[test]
    fn tokens_are_long_and_differ() {
        let (one, other) = (random_token().unwrap(), random_token().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
