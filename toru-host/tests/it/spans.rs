//! Each call is a span.

use toru_plugin_api::{PluginError, Response};

use crate::actor::Script;
use crate::host::{get, poll_once};
use crate::logs;

#[tokio::test]
async fn each_call_is_a_span_that_tells_what_it_came_to() {
    // A route that no other test calls, since all tests share what is traced.
    let host = Script::act(|_, request| async move {
        match &*request.query() {
            "fails" => Err(PluginError::Conflict("no".into())),
            "panics" => panic!("as asked for"),
            "hangs" => std::future::pending().await,
            _ => Ok(Response::new(201)),
        }
    })
    .run()
    .await;
    for query in ["", "fails", "panics"] {
        host.get(&format!("actor/spanned?{query}")).await;
    }
    let mut hanging = host.call(get("actor/spanned?hangs"));
    assert!(poll_once(&mut hanging).await.is_pending());
    assert_eq!(logs::calls("/spanned").len(), 3, "it has not ended");
    drop(hanging);
    let calls = logs::calls("/spanned");
    let told: Vec<_> = calls
        .iter()
        .map(|call| {
            let status = call.get("http.response.status_code");
            (&*call["outcome"], status.map(String::as_str))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("answered", Some("201")),
            ("plugin_error", Some("409")),
            ("plugin_panicked", Some("500")),
            ("client_gone", None),
        ]
    );
    for call in calls {
        assert_eq!(call["plugin.id"], "actor");
        assert_eq!(call["plugin.generation"], "1");
        assert_eq!(call["http.request.method"], "GET");
    }
}
