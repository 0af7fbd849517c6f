//! Stores that answer later, or fail, as a plugin sees them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use toru_host::kv::{self, KvBackend, KvCommit, KvCommitted, KvFuture, MemoryKv};
use toru_host::plugin::PluginId;
use toru_plugin_api::{KvError, KvRange, KvTransaction, PluginContext, PluginKvStore, Response};
use uuid::Uuid;

use crate::actor::{self, Script};
use crate::host::{Host, poll_once};
use crate::stores::{keys, play_with};
use crate::support::Place;

/// A store whose answers come when they are asked for again.
#[derive(Debug)]
pub(crate) struct Slow<B> {
    store: B,
    fails: Mutex<Option<kv::KvError>>,
    /// Commits of callers that block.
    blocking: AtomicU32,
}

impl<B> Slow<B> {
    pub(crate) const fn new(store: B) -> Self {
        Self {
            store,
            fails: Mutex::new(None),
            blocking: AtomicU32::new(0),
        }
    }
}

impl<B: KvBackend> KvBackend for Slow<B> {
    fn get<'a>(&'a self, plugin: &'a PluginId, keys: Vec<Bytes>) -> KvFuture<'a, Vec<kv::KvEntry>> {
        Box::pin(async move {
            later().await;
            self.store.get(plugin, keys).await
        })
    }

    fn list<'a>(&'a self, plugin: &'a PluginId, range: kv::KvRange) -> KvFuture<'a, Vec<kv::KvEntry>> {
        Box::pin(async move {
            later().await;
            self.store.list(plugin, range).await
        })
    }

    fn commit<'a>(&'a self, plugin: &'a PluginId, commit: KvCommit) -> KvFuture<'a, KvCommitted> {
        Box::pin(async move {
            later().await;
            let fails = self.fails.lock().unwrap().take();
            match fails {
                Some(error) => Err(error),
                None => self.store.commit(plugin, commit).await,
            }
        })
    }

    fn commit_blocking(&self, plugin: &PluginId, commit: KvCommit) -> Result<KvCommitted, kv::KvError> {
        self.blocking.fetch_add(1, Ordering::SeqCst);
        kv::block_on(self.commit(plugin, commit))
    }

    fn instance_id(&self) -> KvFuture<'_, String> {
        self.store.instance_id()
    }
}

/// A moment that a store takes. Its timer is made where the host's runtime is; nobody waits for it, since a test's only thread
/// may be held by the plugin.
async fn later() {
    drop(tokio::time::sleep(Duration::ZERO));
    tokio::task::yield_now().await;
}

#[tokio::test]
async fn a_store_that_answers_later_answers_all_the_same() {
    let slow = |installation| Slow::new(MemoryKv::with_instance_id(installation));
    let scene = |ctx: PluginContext| async move {
        ctx.kv.set("a", "1").await?;
        assert_eq!(ctx.kv.get("a").await?.as_deref(), Some(&b"1"[..]));
        assert_eq!(ctx.kv.list(&KvRange::all()).await?.entries.len(), 1);
        // Dropped half-way: nothing dangles, and the store goes on.
        let mut dropped = Box::pin(ctx.kv.get("a"));
        assert!(poll_once(&mut dropped).await.is_pending());
        drop(dropped);
        assert_eq!(ctx.kv.increment("a", 1).await?, 2);
        Ok(())
    };
    play_with(slow, |builder| builder, scene).await;
}

#[tokio::test]
async fn the_blocking_form_works_where_blocking_is_allowed_and_nowhere_else() {
    let script = Script {
        act: Some(Box::new(|ctx, _| {
            Box::pin(async move {
                let kv = ctx.kv.blocking();
                let would = Err(KvError::WouldBlock);
                assert_eq!(kv.get("k"), Err(KvError::WouldBlock));
                assert_eq!(kv.set("k", "v"), would);
                assert_eq!(kv.increment("n", 1), Err(KvError::WouldBlock));
                // A thread of the plugin's own may wait.
                let own = std::thread::spawn(move || kv.increment("n", 1));
                Ok(Response::text(own.join().unwrap()?.to_string()))
            })
        })),
        block: Some(Box::new(|ctx, _| {
            let kv = ctx.kv.blocking();
            kv.set("k", "v")?;
            assert_eq!(kv.get("k")?.as_deref(), Some(&b"v"[..]));
            assert_eq!(keys(&kv.list(&KvRange::prefix("k"))?.entries), ["k"]);
            let version = kv.compare_and_set("c", None, "1")?;
            kv.compare_and_delete("c", version)?;
            kv.update("u", |_| Some(b"1".to_vec()))?;
            kv.set_json("j", &[1, 2])?;
            assert_eq!(kv.get_json("j")?, Some([1, 2]));
            kv.commit(&KvTransaction::new().delete("u").delete("j"))?;
            Ok(Response::text(kv.increment("n", 1)?.to_string()))
        })),
        ..Script::default()
    };
    let installation = Uuid::new_v4();
    script.publish(installation);
    // A store that is never ready at once, so that there is something to wait for.
    let store = Arc::new(Slow::new(MemoryKv::with_instance_id(installation)));
    let host = Host::with(Place::new(), |builder| {
        actor::with_plugin(builder, installation).kv(Arc::clone(&store))
    })
    .await;
    host.enable("actor").await.unwrap();
    assert_eq!(host.get("actor/block").await.text(), "1");
    let blocking = || store.blocking.load(Ordering::SeqCst);
    assert_eq!(blocking(), 7, "the store is told who may be blocked");
    assert_eq!(host.get("actor/act").await.text(), "2");
    assert_eq!(blocking(), 8, "refused commits do not reach it");
}

#[tokio::test]
async fn an_asynchronous_commit_never_blocks_its_thread_wherever_it_is_made() {
    let mut kept = None;
    let slow = |installation| {
        let store = Arc::new(Slow::new(MemoryKv::with_instance_id(installation)));
        kept = Some(Arc::clone(&store));
        store
    };
    let scene = |ctx: PluginContext| async move {
        ctx.kv.set("a", "1").await?;
        // A thread of the plugin's own is no worker of the host, but may be one of a runtime of its own.
        let own = std::thread::spawn(move || kv::block_on(ctx.kv.set("a", "2")));
        own.join().unwrap()?;
        Ok(())
    };
    play_with(slow, |builder| builder, scene).await;
    assert_eq!(kept.unwrap().blocking.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn no_update_is_lost_however_many_run_at_once() {
    // Between reading and writing others have their turn, so that most updates are too late at first.
    let slow = |installation| Slow::new(MemoryKv::with_instance_id(installation));
    let tried = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&tried);
    let scene = move |ctx: PluginContext| {
        let tried = Arc::clone(&count);
        async move {
            let append = move |value: Option<&[u8]>| {
                tried.fetch_add(1, Ordering::SeqCst);
                Some([value.unwrap_or_default(), b"x"].concat())
            };
            let running = Arc::new(AtomicU32::new(20));
            for _ in 0..20 {
                let (running, append) = (Arc::clone(&running), append.clone());
                ctx.runtime.spawn(async move {
                    for _ in 0..10 {
                        ctx.kv.update("log", append.clone()).await.unwrap();
                        ctx.kv.increment("n", 1).await.unwrap();
                    }
                    running.fetch_sub(1, Ordering::SeqCst);
                })?;
            }
            while running.load(Ordering::SeqCst) > 0 {
                later().await;
            }
            assert_eq!(ctx.kv.get("log").await?.map(|log| log.len()), Some(200));
            assert_eq!(ctx.kv.increment("n", 0).await?, 200);
            assert!(ctx.kv.update("log", append).await?.is_some());
            assert_eq!(ctx.kv.update("log", |_| None).await?, None, "deleted");
            assert_eq!(ctx.kv.update("log", |_| None).await?, None, "nothing to delete");
            assert_eq!(ctx.kv.get("log").await?, None);
            Ok(())
        }
    };
    play_with(slow, |builder| builder, scene).await;
    assert!(tried.load(Ordering::SeqCst) > 201, "nobody was ever too late");
}

#[tokio::test]
async fn each_failure_of_the_store_has_its_own_name_for_the_plugin() {
    let failing = |error: kv::KvError| {
        move |installation| Slow {
            store: MemoryKv::with_instance_id(installation),
            fails: Mutex::new(Some(error)),
            blocking: AtomicU32::new(0),
        }
    };
    let cases = [
        (kv::KvError::Conflict, KvError::Conflict),
        (kv::KvError::Full, KvError::Full),
        (kv::KvError::Quota, KvError::Quota),
        (
            kv::KvError::Backend("words for the log".into()),
            KvError::Internal,
        ),
        (
            kv::KvError::Corrupt("words for the log".into()),
            KvError::Internal,
        ),
    ];
    for (error, told) in cases {
        let scene = move |ctx: PluginContext| async move {
            assert_eq!(ctx.kv.set("k", "v").await, Err(told));
            assert_eq!(ctx.kv.set("k", "v").await, Ok(()), "once is not for ever");
            Ok(())
        };
        play_with(failing(error), |builder| builder, scene).await;
    }
}
