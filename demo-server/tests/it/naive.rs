//! The server with a store that writes its file in place: the checks have to find it out.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use clap::Parser;
use demo_server::assets::Assets;
use demo_server::auth::session::Desk;
use demo_server::clock::Clock;
use demo_server::database::Database;
use demo_server::options::Options;
use demo_server::{app, data};
use rustix::process::Signal;
use serde_json::{Value, json};
use toru_host::PluginManager;
use toru_host::plugin::PluginId;
use toru_host::state::{Change, Desired, DesiredPlugin, StateError, StateFuture, StateStore};

use crate::kills::{change_until, first_wishes};
use crate::plugins;
use crate::random::Random;
use crate::server::{Server, Starting};
use crate::wishes::{check_file, check_host, state_file};

/// Tells the process that a test started it.
const STARTED: &str = "TORU_TEST_NAIVE_SERVER";
/// Bytes of a field that nobody knows and everybody preserves: writing them takes a while.
const PADDING: usize = 600_000;

/// Writes over the file that is there.
#[derive(Debug)]
struct InPlace {
    file: PathBuf,
    document: Mutex<Value>,
}

impl InPlace {
    fn new(plugins: &Path) -> Self {
        let file = plugins.join(".metadata/config.json");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let document = fs::read(&file).map_or_else(
            |_| json!({ "version": 1, "plugins": {}, "padding": "x".repeat(PADDING) }),
            |text| serde_json::from_slice(&text).unwrap(),
        );
        Self {
            file,
            document: Mutex::new(document),
        }
    }
}

impl StateStore for InPlace {
    fn load(&self) -> StateFuture<'_, Desired> {
        let document = self.document.lock().unwrap();
        let plugins = document["plugins"].as_object().unwrap().iter();
        let desired = |(id, plugin): (&String, &Value)| {
            let mut desired = DesiredPlugin::default();
            desired.enabled = plugin["enabled"] == true;
            (id.parse().unwrap(), desired)
        };
        let desired = Desired::new(plugins.map(desired).collect::<BTreeMap<_, _>>());
        Box::pin(async move { Ok(desired) })
    }

    fn save<'a>(&'a self, plugin: &'a PluginId, change: Change) -> StateFuture<'a, ()> {
        Box::pin(async move {
            let mut document = self.document.lock().unwrap();
            if let Change::Enabled(enabled) = change {
                document["plugins"][plugin.as_str()]["enabled"] = enabled.into();
            }
            let written = fs::write(&self.file, document.to_string());
            written.map_err(|source| StateError::Unwritable {
                path: self.file.clone(),
                source,
            })
        })
    }
}

#[test]
fn a_kill_is_noticed_in_a_host_whose_store_writes_in_place() {
    let Some(home) = plugins::home() else { return };
    let mut random = Random::new();
    let start = || -> Server {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["naive::process", "--exact", "--ignored", "--nocapture"]);
        command.env(STARTED, "1");
        Starting::spawn_with(home.path(), &mut command).ready().unwrap()
    };
    let mut wishes = first_wishes(&start());
    for kill in 1..=100 {
        let server = start();
        check_host(&server.client().plugins(), &mut wishes);
        change_until(&server, &mut wishes, &mut random, |_| server.signal(Signal::KILL));
        if let Err(error) = check_file(&state_file(home.path()), &mut wishes) {
            return println!("kill {kill} left behind: {error}");
        }
    }
    panic!("no kill left a wrong file behind: these tests show nothing");
}

#[test]
#[ignore = "the server that another test starts"]
fn process() {
    if std::env::var_os(STARTED).is_none() {
        return println!("skipped: it is run by another test only");
    }
    let options = Options::parse_from(["demo-server"]);
    data::prepare(&options.data).unwrap();
    let token = data::token(None, &options.data).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let manager = PluginManager::builder(&options.plugins).state_store(InPlace::new(&options.plugins));
        let manager = manager.start().await.unwrap();
        let listener = tokio::net::TcpListener::bind(options.listen).await.unwrap();
        println!("\nToru demo server: http://{}", listener.local_addr().unwrap());
        println!("plugins folder:   {}", options.plugins.display());
        if let Some(notice) = token.notice(&options.data, false) {
            println!("API token:        {notice}");
        }
        let database = Database::open(&options.data).unwrap();
        let desk = Desk::new(database, Clock::system(), &token.value, false).unwrap();
        let assets = Assets::embedded();
        let parts = app::Parts {
            desk: Arc::new(desk),
            assets,
            hosts: options.hosts(),
        };
        axum::serve(listener, app::router(manager, None, parts))
            .await
            .unwrap();
    });
}
