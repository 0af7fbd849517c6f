//! What the host offers to plugins: store, log, configuration, facts and threads.

use std::sync::{Arc, Mutex};

use toru_host::kv::{KvBackend, KvCommit, KvMutation, KvQuota, MemoryKv};
use toru_plugin_api::{KvError, Level, PluginContext, PluginError, PluginKvStore, Response};

use crate::actor::Script;
use crate::host::Host;
use crate::logs;
use crate::rust_zoo::configure;
use crate::support::Place;
use crate::zoo;

async fn storing() -> Host {
    Script::act(|ctx, request| async move {
        let param = |name| request.query_param(name).unwrap_or_default().into_owned();
        let key = param("key");
        match &*param("do") {
            "set" => ctx.kv.set(key, param("value")).await?,
            "delete" => ctx.kv.delete(key).await?,
            _ => {
                return Ok(match ctx.kv.get(key).await? {
                    None => Response::text("missing"),
                    Some(value) => Response::text(format!("found {}", String::from_utf8_lossy(&value))),
                });
            }
        }
        Ok(Response::new(204))
    })
    .run()
    .await
}

async fn ask(host: &Host, query: &str) -> String {
    host.get(&format!("actor/act?{query}")).await.text().to_owned()
}

#[tokio::test]
async fn what_is_stored_is_found_until_it_is_deleted() {
    let host = storing().await;
    assert_eq!(ask(&host, "do=get&key=a").await, "missing");
    ask(&host, "do=set&key=a&value=1").await;
    ask(&host, "do=set&key=a&value=2").await;
    ask(&host, "do=set&key=e&value=").await;
    assert_eq!(ask(&host, "do=get&key=a").await, "found 2");
    assert_eq!(ask(&host, "do=get&key=e").await, "found ", "empty is not missing");
    ask(&host, "do=delete&key=a").await;
    ask(&host, "do=delete&key=never").await;
    assert_eq!(ask(&host, "do=get&key=a").await, "missing");
    // It outlives the instance.
    host.disable("actor").await;
    host.enable("actor").await.unwrap();
    assert_eq!(ask(&host, "do=get&key=e").await, "found ");
}

#[tokio::test]
async fn a_plugin_sees_its_own_data_alone() {
    let store = Arc::new(MemoryKv::new());
    let (mine, other) = (crate::host::id("stores"), crate::host::id("other"));
    let theirs = KvMutation::Set {
        key: "a".into(),
        value: "theirs".into(),
        ttl: None,
    };
    let commit = KvCommit {
        checks: Vec::new(),
        mutations: vec![theirs],
        quota: KvQuota::UNLIMITED,
    };
    store.commit(&other, commit).await.unwrap();
    zoo::with_store(Arc::clone(&store), async |host| {
        assert_eq!(host.get("stores/fault?0").await.text(), "missing");
        assert_eq!(host.get("stores/fault?1").await.text(), "stored");
        assert_eq!(host.get("stores/fault?0").await.text(), "mine");
        let version = store.get(&mine, vec!["a".into()]).await.unwrap()[0].version;
        assert_eq!(host.get("stores/fault?2").await.text(), "would block");
        assert_eq!(host.get("stores/fault?3").await.text(), "unsupported");
        let entries = store.get(&mine, vec!["a".into()]).await.unwrap();
        assert_eq!(entries[0].value, "mine");
        assert_eq!(entries[0].version, version, "what was refused is not made");
    })
    .await;
    let entries = store.get(&other, vec!["a".into()]).await.unwrap();
    assert_eq!(entries[0].value, "theirs");
}

#[tokio::test]
async fn services_of_an_instance_that_was_destroyed_are_gone() {
    let kept: Arc<Mutex<Option<PluginContext>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let host = Script::act(move |ctx, _| {
        *keep.lock().unwrap() = Some(ctx);
        std::future::ready(Ok(Response::text("kept")))
    })
    .run()
    .await;
    assert_eq!(ask(&host, "").await, "kept");
    host.disable("actor").await;
    let ctx = kept.lock().unwrap().take().unwrap();
    assert_eq!(ctx.kv.get("a").await.unwrap_err(), KvError::Gone);
    assert_eq!(ctx.kv.set("a", "b").await.unwrap_err(), KvError::Gone);
    assert!(ctx.config.to_json().is_err());
    assert!(
        ctx.runtime
            .sleep(std::time::Duration::from_secs(1))
            .await
            .is_err()
    );
    assert!(ctx.runtime.spawn(async {}).is_err());
    ctx.log.error("from beyond the end of services.rs");
    assert!(logs::containing("from beyond the end of services.rs").is_empty());
    assert!(!ctx.instance_id.is_empty(), "facts stay readable");
}

#[tokio::test]
async fn records_arrive_with_level_fields_and_plugin() {
    let host = Script::act(|ctx, _| async move {
        ctx.log.error("record of services.rs, error");
        ctx.log.warn("record of services.rs, warn");
        ctx.log.info(format_args!("record of services.rs, {}", "info"));
        ctx.log.debug("record of services.rs, debug");
        ctx.log.trace("record of services.rs, trace");
        let fields = [("colour", "red"), ("empty", "")];
        ctx.log
            .write(Level::Info, "record of services.rs, fields", &fields);
        Ok(Response::text("logged"))
    })
    .run()
    .await;
    ask(&host, "").await;
    for (level, name) in [
        (tracing::Level::ERROR, "error"),
        (tracing::Level::WARN, "warn"),
        (tracing::Level::INFO, "info"),
        (tracing::Level::DEBUG, "debug"),
        (tracing::Level::TRACE, "trace"),
        (tracing::Level::INFO, "fields"),
    ] {
        let message = format!("record of services.rs, {name}");
        let logged = logs::find(|record| record.field("message") == message);
        assert_eq!(logged.len(), 1, "{name}");
        assert_eq!(logged[0].level, level);
        assert_eq!(logged[0].field("plugin.id"), "actor");
        assert_eq!(logged[0].field("plugin.generation"), "1");
        assert!(logged[0].field("plugin.file").ends_with("services.rs"));
        assert_eq!(
            logged[0].field("plugin.fields"),
            if name == "fields" { "colour=red empty=" } else { "" }
        );
    }
}

#[tokio::test]
async fn the_configuration_reaches_the_plugin() {
    let place = Place::new();
    configure(&place, "actor", r#"{"greeting":"Moin","n":[1,2]}"#);
    let installation = place.plugins().join(".metadata");
    let host = Script::act(|ctx, _| async move { Ok(Response::text(ctx.config.to_json()?.to_vec())) })
        .run_with(|builder| builder.state_dir(installation))
        .await;
    assert_eq!(ask(&host, "").await, r#"{"greeting":"Moin","n":[1,2]}"#);
    let host = Script::act(|ctx, _| async move { Ok(Response::text(ctx.config.to_json()?.to_vec())) })
        .run()
        .await;
    assert_eq!(ask(&host, "").await, "{}");
}

#[tokio::test]
async fn facts_about_the_host_are_told() {
    let host = Script::act(|ctx, _| async move {
        let facts = [
            ctx.instance_id,
            ctx.host_name(),
            ctx.host_version(),
            ctx.base_path(),
        ];
        Ok(Response::text(facts.join(" ")))
    })
    .run_with(|builder| builder.host_version("1.2.3"))
    .await;
    let text = ask(&host, "").await;
    let facts: Vec<_> = text.split(' ').collect();
    assert_eq!(facts[1..], ["zoo", "1.2.3", "/api/plugins/actor"]);
    let id: uuid::Uuid = facts[0].parse().unwrap();
    assert_eq!(id.hyphenated().to_string(), facts[0]);
    assert_eq!(id.get_version_num(), 4);
}

#[tokio::test]
async fn async_handlers_run_on_threads_that_must_not_be_blocked() {
    let Some(zoo) = zoo::running("asks_about_its_thread").await else {
        return;
    };
    let ask = async |path: &str| {
        zoo.host
            .get(&format!("{}/{path}", zoo.id))
            .await
            .text()
            .to_owned()
    };
    assert_eq!(ask("start").await, "1");
    assert_eq!(ask("poll").await, "1");
    assert_eq!(ask("blocking").await, "0");
    // Set by the drop of the operation before, by `init`, and by the release of a body.
    assert_eq!(zoo.count("dropped").await, 1);
    assert_eq!(zoo.count("started").await, 1);
    ask("stream").await;
    assert_eq!(zoo.count("released").await, 1);
}

#[tokio::test]
async fn an_error_of_the_store_is_the_plugins_to_handle() {
    let host = Script::act(|ctx, _| async move {
        match ctx.kv.get("").await {
            Err(error @ KvError::KeySize) => Err(PluginError::from(error)),
            other => Ok(Response::text(format!("{other:?}"))),
        }
    })
    .run()
    .await;
    assert_eq!(
        host.get("actor/act").await.problem(),
        (500, "plugin_error".into())
    );
}
