//! `cargo xtask demo`: the demo server with its web interface and the example plugins.

use std::env;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;

use crate::process::{cargo, run as run_command};
use crate::workspace::Workspace;
use crate::{Result, examples, frontend};

/// Builds, installs, says what to try and becomes the server.
pub(crate) fn run(workspace: &Workspace, server_args: &[String]) -> Result {
    if !workspace.has_package("demo-server") {
        return Err("the workspace has no demo-server yet".into());
    }
    let folder = workspace.target().join("demo");
    let in_folder = |name: &str| folder.join(name).to_string_lossy().into_owned();
    let chosen = |flag: &str, variable: &str| value(server_args, flag).or_else(|| setting(variable));
    let listen = chosen("--listen", "TORU_DEMO_LISTEN").unwrap_or_else(|| "127.0.0.1:7300".to_owned());
    let plugins = chosen("--plugins", "TORU_DEMO_PLUGINS").unwrap_or_else(|| in_folder("plugins"));
    let data = chosen("--data", "TORU_DEMO_DATA").unwrap_or_else(|| in_folder("data"));
    fs::create_dir_all(&plugins)?;

    match frontend::can_build() {
        Ok(()) => {
            for frontend in frontend::all(workspace) {
                frontend.build()?;
            }
        }
        Err(reason) => println!("without the web interface: {reason}"),
    }
    let mut build = cargo();
    build.args(["build", "--release", "--package", "demo-server"]);
    run_command(build.current_dir(workspace.root()))?;
    for built in [
        examples::hello_plugin(workspace)?,
        examples::axum_plugin(workspace)?,
        examples::licensed_plugin(workspace)?,
        examples::system_monitor(workspace)?,
        examples::c_plugin(workspace)?,
        examples::cpp_plugin(workspace)?,
    ] {
        match built {
            Ok(library) => examples::install(&library, Path::new(&plugins), examples::seal)?,
            Err(reason) => println!("{reason}"),
        }
    }

    let token = setting("TORU_DEMO_TOKEN").map_or_else(random_token, Ok)?;
    println!("{}", advice(&listen, &token));

    let program = format!("demo-server{}", env::consts::EXE_SUFFIX);
    let mut server = Command::new(workspace.target().join("release").join(program));
    for (flag, value_of_ours) in [("--listen", listen), ("--plugins", plugins), ("--data", data)] {
        if value(server_args, flag).is_none() {
            server.args([flag, &value_of_ours]);
        }
    }
    become_program(server.args(server_args).env("TORU_DEMO_TOKEN", token))
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

/// What the arguments give a flag, as `--flag value` or `--flag=value`.
fn value(args: &[String], flag: &str) -> Option<String> {
    args.iter().enumerate().find_map(|(at, arg)| {
        let rest = arg.strip_prefix(flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value.to_owned()),
            None if rest.is_empty() => args.get(at + 1).cloned(),
            None => None,
        }
    })
}

fn advice(address: &str, token: &str) -> String {
    let auth = format!("-H 'Authorization: Bearer {token}'");
    let api = format!("http://{address}/api/plugins");
    format!(
        "\nTry, in a browser: http://{address}/\n\
         and sign in as admin, with the password that the server prints at its first start;\n\
         or in another terminal:\n\n  \
         curl {auth} {api}\n  \
         curl {auth} -X POST {api}/hello/enable\n  \
         curl {auth} {api}/hello/greeting/world\n  \
         curl {auth} -X POST {api}/c-hello/enable\n  \
         curl {auth} {api}/c-hello/greeting/world\n  \
         curl {auth} {api}/c-hello/later\n  \
         curl {auth} -X POST {api}/notes/enable\n  \
         curl {auth} {api}/notes/list -H 'Content-Type: application/json' -d '{{\"text\":\"milk\"}}'\n  \
         curl {auth} {api}/notes/list\n  \
         curl {auth} -X POST {api}/licensed/enable\n\n\
         The last one is refused: that plugin needs a licence key, and examples/licensed-plugin/README.md tells how to issue \
         one.\n"
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
    fn flags_have_their_values_beside_or_inside() {
        let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let listen = |text: &str| value(&args(text), "--listen");
        assert_eq!(listen("--verbose --listen b:2").as_deref(), Some("b:2"));
        assert_eq!(listen("--listen=b:2").as_deref(), Some("b:2"));
        for text in ["--listen", "--listener b:2", "--verbose"] {
            assert_eq!(listen(text), None, "{text}");
        }
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
