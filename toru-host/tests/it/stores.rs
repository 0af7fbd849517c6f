//! The store as authors use it, from a plugin through the contract.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use toru_host::kv::{KvBackend, KvQuota, MemoryKv};
use toru_plugin_api::{
    KvEntry, KvError, KvRange, KvTransaction, PluginContext, PluginError, PluginKvStore, Response,
};
use uuid::Uuid;

use crate::actor::{self, Script};
use crate::host::{Host, id, soon};
use crate::support::Place;

/// Runs one scene in a plugin; it fails like a test.
async fn play<F>(scene: impl Fn(PluginContext) -> F + Send + Sync + 'static)
where
    F: Future<Output = Result<(), PluginError>> + Send + 'static,
{
    play_with(MemoryKv::with_instance_id, |builder| builder, scene).await;
}

/// The same on a store of one's own.
pub(crate) async fn play_with<B: KvBackend, F>(
    store: impl FnOnce(Uuid) -> B,
    change: impl FnOnce(toru_host::Builder) -> toru_host::Builder,
    scene: impl Fn(PluginContext) -> F + Send + Sync + 'static,
) -> Host
where
    F: Future<Output = Result<(), PluginError>> + Send + 'static,
{
    let installation = Uuid::new_v4();
    let script = Script::act(move |ctx, _| {
        let played = scene(ctx);
        async move {
            played.await?;
            Ok(Response::text("played"))
        }
    });
    script.publish(installation);
    let host = Host::with(Place::new(), |builder| {
        change(actor::with_plugin(builder, installation).kv(store(installation)))
    })
    .await;
    host.enable("actor").await.unwrap();
    assert_eq!(host.get("actor/act").await.text(), "played");
    host
}

pub(crate) fn keys(entries: &[KvEntry]) -> Vec<String> {
    let text = |entry: &KvEntry| String::from_utf8(entry.key.to_vec()).unwrap();
    entries.iter().map(text).collect()
}

#[tokio::test]
async fn several_keys_are_answered_in_order_with_gaps_where_nothing_is() {
    play(|ctx| async move {
        ctx.kv.set("a", "1").await?;
        ctx.kv.set("c", "").await?;
        let found = ctx.kv.get_many(&["c", "b", "a", "c", "never"]).await?;
        let values: Vec<_> = found
            .iter()
            .map(|entry| entry.as_ref().map(|entry| &*entry.value))
            .collect();
        assert_eq!(
            values,
            [Some(&b""[..]), None, Some(&b"1"[..]), Some(&b""[..]), None]
        );
        assert!(ctx.kv.get_many::<&str>(&[]).await?.is_empty());
        assert_eq!(ctx.kv.get_many(&["a", ""]).await, Err(KvError::KeySize));
        assert_eq!(ctx.kv.get_many(&vec!["a"; 10_001]).await, Err(KvError::CallSize));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn ranges_are_listed_in_byte_order_and_page_by_page() {
    play(|ctx| async move {
        for key in ["user/b", "user/a", "user/\u{ff}", "users", "user", "zebra"] {
            ctx.kv.set(key, key).await?;
        }
        let users = ctx.kv.list(&KvRange::prefix("user/")).await?;
        assert_eq!(keys(&users.entries), ["user/a", "user/b", "user/\u{ff}"]);
        assert_eq!(users.cursor, None, "the last page says so");
        let last = ctx
            .kv
            .list(&KvRange::prefix("user/").descending().limit(1))
            .await?;
        assert_eq!(keys(&last.entries), ["user/\u{ff}"]);
        let cursor = last.cursor.ok_or("more is to come")?;
        let before = KvRange::prefix("user/").descending().after(cursor);
        assert_eq!(keys(&ctx.kv.list(&before).await?.entries), ["user/b", "user/a"]);
        let middle = ctx.kv.list(&KvRange::all().from("user/b").until("users")).await?;
        assert_eq!(keys(&middle.entries), ["user/b", "user/\u{ff}"]);
        assert!(ctx.kv.list(&KvRange::prefix("none")).await?.entries.is_empty());
        let mut seen = Vec::new();
        let mut pages = ctx.kv.pages(KvRange::all().limit(2));
        while let Some(page) = pages.next().await? {
            assert!(page.entries.len() <= 2);
            seen.extend(keys(&page.entries));
        }
        assert_eq!(seen.len(), 6);
        assert!(seen.is_sorted());
        assert_eq!(pages.next().await?, None, "and so it stays");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_cursor_narrows_a_range_and_never_leaves_it() {
    play(|ctx| async move {
        for key in ["a", "user/1/a", "user/1/b", "user/10/a", "zzz"] {
            ctx.kv.set(key, key).await?;
        }
        // What a client may have made up.
        for cursor in ["", "a", "user/1", "user/1/", "zzz", "user/10/a", "\u{0}"] {
            for range in [
                KvRange::prefix("user/1/"),
                KvRange::prefix("user/1/").descending(),
            ] {
                let page = ctx.kv.list(&range.after(cursor)).await?;
                let leaked = keys(&page.entries).iter().any(|key| !key.starts_with("user/1/"));
                assert!(!leaked, "{cursor:?}: {page:?}");
            }
        }
        let nothing = KvRange::prefix("user/1/").until("").after("a");
        assert!(ctx.kv.list(&nothing).await?.entries.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn who_was_slower_is_told_and_changes_nothing() {
    play(|ctx| async move {
        let first = ctx.kv.compare_and_set("k", None, "1").await?;
        assert_eq!(
            ctx.kv.compare_and_set("k", None, "2").await,
            Err(KvError::Conflict)
        );
        let second = ctx.kv.compare_and_set("k", first, "2").await?;
        assert!(second > first);
        assert_eq!(
            ctx.kv.compare_and_delete("k", first).await,
            Err(KvError::Conflict)
        );
        let entry = ctx.kv.get_entry("k").await?.ok_or("missing")?;
        assert_eq!((&*entry.value, entry.version), (&b"2"[..], second));
        ctx.kv.compare_and_delete("k", second).await?;
        assert_eq!(ctx.kv.get_entry("k").await?, None);
        let third = ctx.kv.compare_and_set("k", None, "3").await?;
        assert!(third > second, "a version never comes back");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_transaction_is_made_as_a_whole_or_not_at_all() {
    play(|ctx| async move {
        let ready = KvTransaction::new()
            .set("a", "1")
            .add("n", 41)
            .add("n", 1)
            .delete("never");
        let made = ctx.kv.commit(&ready).await?;
        assert_eq!(made.sum, 42);
        let entries = ctx.kv.get_many(&["a", "n"]).await?;
        assert!(
            entries
                .iter()
                .all(|entry| entry.as_ref().is_some_and(|entry| entry.version == made.version)),
            "all of it has one version"
        );
        let late = KvTransaction::new()
            .check("a", made.version)
            .check("b", made.version)
            .delete("a")
            .set("c", "1");
        assert_eq!(ctx.kv.commit(&late).await, Err(KvError::Conflict));
        let odd = KvTransaction::new().set("c", "1").add("a", i64::MAX);
        assert_eq!(ctx.kv.commit(&odd).await, Err(KvError::NotANumber));
        assert_eq!(ctx.kv.get("c").await?, None);
        assert_eq!(ctx.kv.get("a").await?.as_deref(), Some(&b"1"[..]));
        let nothing = ctx.kv.commit(&KvTransaction::new().check("c", None)).await?;
        assert_eq!((nothing.version, nothing.sum), (0, 0));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_too_large_is_named() {
    play(|ctx| async move {
        let long = vec![b'k'; 1025];
        let large = vec![0; (1 << 20) + 1];
        let kv = ctx.kv;
        assert_eq!(kv.get(&long).await, Err(KvError::KeySize));
        assert_eq!(kv.set("", "v").await, Err(KvError::KeySize));
        assert_eq!(kv.delete(&long).await, Err(KvError::KeySize));
        assert_eq!(kv.compare_and_delete(&long, 1).await, Err(KvError::KeySize));
        assert_eq!(kv.set("k", &large).await, Err(KvError::ValueSize));
        let many = (0..17).fold(KvTransaction::new(), |all, n| all.set(n.to_string(), &large[1..]));
        assert_eq!(kv.commit(&many).await, Err(KvError::CallSize));
        let changes = (0..=10_000).fold(KvTransaction::new(), |all, _| all.add("n", 1));
        assert_eq!(kv.commit(&changes).await, Err(KvError::CallSize));
        let checks = (0..=10_000).fold(KvTransaction::new(), |all, _| all.check("n", None));
        assert_eq!(kv.commit(&checks).await, Err(KvError::CallSize));
        let codes = [KvError::KeySize, KvError::ValueSize].map(KvError::code);
        assert_eq!(codes, ["key_too_large", "value_too_large"]);
        assert!(kv.list(&KvRange::all()).await?.entries.is_empty());
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn what_is_stored_for_some_time_says_until_when() {
    play(|ctx| async move {
        let hour = Duration::from_secs(3600);
        let before = SystemTime::now();
        ctx.kv.set_for("session", "s", hour).await?;
        let after = SystemTime::now();
        let entry = ctx.kv.get_entry("session").await?.ok_or("missing")?;
        let expires = entry.expires.ok_or("it never expires")?;
        let ms = Duration::from_millis(1);
        assert!(before + hour <= expires + ms && expires <= after + hour + ms);
        ctx.kv.update("session", |_| Some(b"t".to_vec())).await?;
        let kept = ctx.kv.get_entry("session").await?.ok_or("missing")?;
        assert_eq!(&*kept.value, b"t");
        let drift = kept.expires.ok_or("it never expires")?.duration_since(expires);
        assert!(drift.is_ok_and(|drift| drift <= ms + ms) || kept.expires < Some(expires));
        ctx.kv.set("session", "s").await?;
        let entry = ctx.kv.get_entry("session").await?.ok_or("missing")?;
        assert_eq!(entry.expires, None, "stored for ever again");
        // Less than a millisecond is not for ever.
        ctx.kv.set_for("blink", "b", Duration::from_nanos(1)).await?;
        let blink = ctx.kv.get_entry("blink").await?;
        assert!(blink.is_none_or(|entry| entry.expires.is_some()));
        Ok(())
    })
    .await;
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Visit {
    page: String,
    count: u32,
}

#[tokio::test]
async fn values_can_be_json() {
    play(|ctx| async move {
        let visit = Visit {
            page: "/".into(),
            count: 3,
        };
        ctx.kv.set_json("visit", &visit).await?;
        assert_eq!(ctx.kv.get_json("visit").await?, Some(visit));
        assert_eq!(ctx.kv.get_json::<Visit>("never").await?, None);
        ctx.kv.set("visit", "no JSON").await?;
        assert_eq!(ctx.kv.get_json::<Visit>("visit").await, Err(KvError::Malformed));
        let odd = std::collections::HashMap::from([((1, 2), 3)]);
        assert_eq!(ctx.kv.set_json("odd", &odd).await, Err(KvError::Malformed));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_quota_is_the_hosts_to_set_and_a_full_store_is_507() {
    let quota = KvQuota { keys: 2, bytes: 100 };
    let scene = |ctx: PluginContext| async move {
        ctx.kv.set("a", "1").await?;
        ctx.kv.set("b", "1").await?;
        assert_eq!(ctx.kv.set("c", "1").await, Err(KvError::Quota));
        assert_eq!(ctx.kv.set("a", [0; 100]).await, Err(KvError::Quota));
        ctx.kv.delete("b").await?;
        ctx.kv.set("c", "1").await?;
        Ok(())
    };
    play_with(
        MemoryKv::with_instance_id,
        |builder| builder.kv_quota(quota),
        scene,
    )
    .await;
    let host = Script::act(|ctx, _| async move {
        ctx.kv.set("a", "1").await?;
        Ok(Response::text("stored"))
    })
    .run_with(|builder| builder.kv_quota(KvQuota { keys: 0, bytes: 0 }))
    .await;
    let (status, code) = host.get("actor/act").await.problem();
    assert_eq!((status, &*code), (507, "plugin_error"));
}

#[tokio::test]
async fn values_cross_without_a_copy() {
    let shared: Arc<Mutex<Option<Arc<MemoryKv>>>> = Arc::default();
    let (kept, seen) = (Arc::clone(&shared), Arc::new(Mutex::new((0_usize, 0_usize))));
    let told = Arc::clone(&seen);
    let store = move |installation| {
        let store = Arc::new(MemoryKv::with_instance_id(installation));
        *kept.lock().unwrap() = Some(Arc::clone(&store));
        store
    };
    let scene = move |ctx: PluginContext| {
        let told = Arc::clone(&told);
        async move {
            ctx.kv.set("k", vec![7; 1 << 20]).await?;
            let got = ctx.kv.get("k").await?.ok_or("missing")?;
            let listed = ctx.kv.list(&KvRange::all()).await?.entries;
            *told.lock().unwrap() = (got.as_ptr().addr(), listed[0].value.as_ptr().addr());
            Ok(())
        }
    };
    let _host = play_with(store, |builder| builder, scene).await;
    let store = shared.lock().unwrap().take().unwrap();
    let entries = soon(store.get(&id("actor"), vec!["k".into()])).await.unwrap();
    let own = entries[0].value.as_ptr().addr();
    assert_eq!(*seen.lock().unwrap(), (own, own));
}
