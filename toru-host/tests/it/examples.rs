//! All example plugins in one host, and what is left in its process after they were disabled and enabled many times.

mod footprint;
mod library;
mod rounds;

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use toru_host::kv::MemoryKv;
use toru_host::service::ResponseBody;
use uuid::Uuid;

use self::footprint::{Footprint, Growth};
use crate::alone::alone;
use crate::host::{Answer, Host, get, id, soon};
use crate::support::{Place, Random};
use crate::zoo;

/// How often each plugin is disabled and enabled between the two looks at the process.
const ROUNDS: usize = 50;
/// How often before: threads, caches and stacks that are made once.
const WARM_UP: usize = 10;
/// Growth with each start of a plugin that is let pass, in bytes: as `check-plugin` allows.
const BYTES_PER_START: usize = 4096;
/// Stacks that the C library keeps for later threads, and heaps that it takes from the system and gives back.
const MAPPINGS: usize = 24;
/// How long calls that do not end by themselves are waited for, before they are cut.
const DRAIN: Duration = Duration::from_millis(20);
/// A guard against waiting for good for what never ends; nothing is measured with it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The installation for which the example of a licence was issued.
const INSTANCE: &str = "5b7ed3ff-30f8-4a94-a1ee-c42ba27c03cd";
const LICENSE: &str = include_str!("../../../examples/licensed-plugin/example-license.txt");

/// An example, and a request that shows that it is there.
#[derive(Clone, Copy)]
struct Example {
    id: &'static str,
    path: &'static str,
    /// What is posted there; it is asked by GET otherwise.
    body: Option<&'static str>,
    /// What stands in the answer.
    answer: &'static str,
    /// A response that goes on until somebody ends it.
    stream: Option<&'static str>,
}

/// In the order of [`library::all`].
const EXAMPLES: [Example; 7] = [
    example("hello", "/greeting/World", "Hello, World!").streams("/ticks?ms=10"),
    example("system-monitor", "/overview", "cores").streams("/live"),
    example("licensed", "/license", "Miller & Sons"),
    example("notes", "/list", "[]").streams("/events"),
    example("c-hello", "/greeting/World", "Hello, World!").streams("/countdown/1000000"),
    example("cpp-words", "/words", r#"{"a":1,"word":1}"#).posts("a word"),
    example("zig-hello", "/greeting/World", "Hello, World!"),
];

const fn example(id: &'static str, path: &'static str, answer: &'static str) -> Example {
    Example {
        id,
        path,
        body: None,
        answer,
        stream: None,
    }
}

impl Example {
    const fn posts(mut self, body: &'static str) -> Self {
        self.body = Some(body);
        self
    }

    const fn streams(mut self, path: &'static str) -> Self {
        self.stream = Some(path);
        self
    }

    async fn ask(&self, host: &Host) -> Answer {
        let path = format!("{}{}", self.id, self.path);
        match self.body {
            Some(body) => host.post(&path, body).await,
            None => host.get(&path).await,
        }
    }

    async fn answers(&self, host: &Host) {
        let answer = self.ask(host).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", self.id);
        assert!(answer.text().contains(self.answer), "{}: {answer:?}", self.id);
    }

    async fn is_gone(&self, host: &Host) {
        let answer = self.ask(host).await;
        assert_eq!(answer.problem(), (404, "plugin_disabled".into()), "{}", self.id);
    }

    /// The stream, of which the first frame was read.
    async fn follow(&self, host: &Host) -> Option<ResponseBody> {
        let response = host.respond(get(&format!("{}{}", self.id, self.stream?))).await;
        assert_eq!(response.status(), 200, "{}", self.id);
        let mut body = response.into_body();
        soon(body.frame()).await.unwrap().unwrap();
        Some(body)
    }
}

/// A host with all examples that could be built and, beside them, plugins of the zoo; all of them enabled. `None` where the
/// zoo has no compiler.
async fn host_with(zoo: &[&str]) -> Option<(Arc<Host>, Vec<Example>)> {
    let place = Place::new();
    let mut examples = Vec::new();
    for (example, library) in EXAMPLES.into_iter().zip(library::all()) {
        if let Some(library) = library {
            place.write(&format!("{}.so", example.id), library);
            examples.push(example);
        }
    }
    for name in zoo {
        zoo::compile(&place, name, &[])?;
    }
    let store = MemoryKv::with_instance_id(Uuid::parse_str(INSTANCE).unwrap());
    let host = Host::unheard(place, |builder| builder.kv(store).drain_timeout(DRAIN)).await;
    let license = Some(LICENSE.trim().to_owned());
    soon(host.manager.set_license(&id("licensed"), license))
        .await
        .unwrap();
    for plugin in host.manager.list() {
        host.enable(plugin.id.as_str()).await.unwrap();
    }
    Some((Arc::new(host), examples))
}

/// What is more after the rounds than before, and how many bytes more than allowed.
async fn growth(host: &Arc<Host>, examples: &[Example], patience: Duration) -> (Growth, usize) {
    let mut random = Random::new();
    let bytes = rounds::play(host, examples, WARM_UP, &mut random).await;
    let before = Footprint::look();
    let now = rounds::play(host, examples, ROUNDS, &mut random).await;
    println!("{} plugins; {bytes} bytes before, {now} after", examples.len());
    if is_instrumented() {
        println!("skipped: memory and mappings, since a sanitiser keeps what was freed");
        return (before.growth(usize::MAX, patience).await, 0);
    }
    let allowed = BYTES_PER_START * ROUNDS * examples.len();
    let growth = before.growth(MAPPINGS, patience).await;
    (growth, now.saturating_sub(bytes + allowed))
}

/// As `cargo xtask test --only asan` builds and runs it.
fn is_instrumented() -> bool {
    std::env::var_os("ASAN_OPTIONS").is_some()
}

fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        // Threads that wait for work must not look like left behind.
        .thread_keep_alive(Duration::from_millis(1))
        .enable_all()
        .build();
    runtime.unwrap().block_on(test);
}

#[test]
fn all_examples_run_in_one_host_and_leave_nothing_behind_in_fifty_rounds() {
    alone(
        "examples::all_examples_run_in_one_host_and_leave_nothing_behind_in_fifty_rounds",
        || {
            run(async {
                let (host, examples) = host_with(&[]).await.unwrap();
                for example in &examples {
                    example.answers(&host).await;
                }
                let (growth, bytes) = growth(&host, &examples, PATIENCE).await;
                assert!(growth.is_nothing() && bytes == 0, "{growth:?} and {bytes} bytes");
                soon(host.manager.shutdown()).await;
            });
        },
    );
}

/// The control: what grows by a little with each start is seen among all the examples.
#[test]
fn plugins_that_leave_something_behind_are_noticed_among_the_examples() {
    alone(
        "examples::plugins_that_leave_something_behind_are_noticed_among_the_examples",
        || {
            run(async {
                let leaky = ["leaves_a_thread_behind", "leaves_a_file_open", "grows"];
                let Some((host, mut examples)) = host_with(&leaky).await else {
                    return;
                };
                for name in leaky {
                    let id: &'static str = zoo::id_of(name).leak();
                    examples.push(example(id, "/ok", "ok"));
                }
                let (growth, bytes) = growth(&host, &examples, Duration::ZERO).await;
                println!("{growth:?} and {bytes} bytes");
                // What was there for a moment only, at the first look, makes up for some.
                assert!(growth.threads.len() > ROUNDS / 2, "{growth:?}");
                assert!(growth.descriptors.len() > ROUNDS / 2, "{growth:?}");
                let has_grown = bytes > 0 && growth.mappings > 0;
                assert!(has_grown || is_instrumented(), "{growth:?} and {bytes} bytes");
                soon(host.manager.shutdown()).await;
            });
        },
    );
}
