//! What plugins in C offer to be told of another key by, and a plugin whose file is gone.

use toru_host::plugin::PluginState;

use super::GOOD;
use crate::host::{id, soon};
use crate::zoo;

#[tokio::test]
async fn what_a_plugin_offers_to_be_told_by_may_be_anything() {
    for (listener, is_told) in [
        (0, true),
        (1, false),
        (2, false),
        (3, false),
        (4, false),
        (5, false),
        (6, false),
        (7, false),
    ] {
        let define = format!("ZOO_LISTENER={listener}");
        let Some(host) = zoo::host_with("licence_listener", &[&define]).await else {
            return;
        };
        let plugin = "licence-listener";
        host.enable(plugin).await.unwrap();
        let counts = async || host.get(&format!("{plugin}/counts")).await.text().to_owned();
        assert!(counts().await.contains("started 1 "), "{listener}");
        soon(host.manager.set_license(&id(plugin), Some(GOOD.into())))
            .await
            .unwrap();
        let counts = counts().await;
        let expected = if is_told {
            "started 1 stopped 0 ended 0 polled 1 dropped 1"
        } else {
            "started 2 stopped 1 ended 1 polled 0 dropped 0"
        };
        assert!(counts.contains(expected), "{listener}: {counts}");
        let read = format!("called {} status 0", GOOD.len());
        assert!(counts.contains(&read), "{listener}: {counts}");
    }
}

#[tokio::test]
async fn a_key_that_comes_while_the_file_is_gone_is_found_when_it_is_back() {
    let Some(host) = zoo::host_with("licence_listener", &["ZOO_LISTENER=8"]).await else {
        return;
    };
    let plugin = "licence-listener";
    let refused = host.enable(plugin).await.unwrap_err();
    assert_eq!(refused.code(), "license_missing");
    let file = host.info(plugin).file.unwrap();
    let aside = file.with_extension("aside");
    std::fs::rename(&file, &aside).unwrap();
    host.scan().await.unwrap();
    assert_eq!(host.state(plugin), PluginState::Missing);
    soon(host.manager.set_license(&id(plugin), Some(GOOD.into())))
        .await
        .unwrap();
    host.scan().await.unwrap();
    assert_eq!(host.state(plugin), PluginState::Missing);
    std::fs::rename(&aside, &file).unwrap();
    host.scan().await.unwrap();
    assert_eq!(host.state(plugin), PluginState::Enabled);
}
