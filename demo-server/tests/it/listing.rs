//! What an administrator sees of the plugins.

use serde_json::{Value, json};

use crate::client::Client;
use crate::plugins;
use crate::server::Server;

const PLUGIN: &str = "amber";

fn shown(client: &mut Client) -> Value {
    let mut plugins = client.plugins();
    let index = plugins.iter().position(|plugin| plugin["id"] == PLUGIN);
    plugins.swap_remove(index.unwrap())
}

#[test]
fn the_list_shows_states_counters_new_files_and_what_went_wrong() {
    let Some(home) = plugins::home() else { return };
    let server = Server::start(home.path());
    let mut client = server.client();
    let plugin = shown(&mut client);
    assert_eq!(plugin["status"]["desired"], "disabled");
    assert_eq!(plugin["status"]["state"], "disabled");
    assert_eq!(plugin["sha256"], Value::Null, "it was never copied");

    assert_eq!(client.change(PLUGIN, true).unwrap().status, 200);
    let route = format!("/api/plugins/{PLUGIN}/ok");
    assert_eq!(client.send("GET", &route).unwrap().status, 200);
    let plugin = shown(&mut client);
    let status = &plugin["status"];
    assert_eq!(status["desired"], "enabled");
    assert_eq!(status["state"], "enabled");
    assert_eq!(status["error"], Value::Null);
    assert_eq!(status["generation"], 1);
    assert!(!status["since"].is_null(), "{plugin:#}");
    let counters = &plugin["counters"];
    assert_eq!(
        [&counters["starts"], &counters["calls"], &counters["panicked"]],
        [1, 1, 0]
    );
    assert!(counters["in_flight"].is_u64(), "{plugin:#}");
    assert!(counters["time_ns"].as_u64() > Some(0), "{plugin:#}");
    assert!(counters["bytes_out"].as_u64() > Some(0), "{plugin:#}");
    let first = plugin["sha256"].clone();
    assert_eq!(
        (&plugin["update"], &plugin["retired_generations"]),
        (&Value::Null, &json!(0))
    );

    // Somebody writes over the file.
    plugins::compile(home.path(), PLUGIN, "init_fails_with_words").unwrap();
    assert_eq!(client.send("POST", "/api/plugins/-/scan").unwrap().status, 200);
    let plugin = shown(&mut client);
    assert_eq!(plugin["sha256"], first, "what runs is what ran");
    assert!(plugin["update"]["version"].is_string(), "{plugin:#}");
    assert_ne!(plugin["update"]["sha256"], first);
    assert_eq!(client.send("GET", &route).unwrap().status, 200);

    assert_eq!(client.change(PLUGIN, false).unwrap().status, 200);
    assert_ne!(client.change(PLUGIN, true).unwrap().status, 200);
    let plugin = shown(&mut client);
    let status = &plugin["status"];
    assert_eq!(
        (&status["desired"], &status["state"]),
        (&json!("enabled"), &json!("failed"))
    );
    assert_eq!(status["generation"], 2);
    let error = &status["error"];
    assert_eq!(
        (&error["code"], &error["stage"]),
        (&json!("init_failed"), &json!("init"))
    );
    assert!(error["message"].is_string(), "{plugin:#}");
    assert_eq!(
        (&plugin["update"], &plugin["retired_generations"]),
        (&Value::Null, &json!(1))
    );
}
