//! Services by themselves, without the one that is all of them.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Limited};
use serde_json::Value;
use toru_host::service::{
    Access, Authorization, Authorize, Authorized, Bundles, Events, Identity, Management, OpenApi,
    PluginRoutes, Refusal, ResponseBody,
};
use tower_service::Service;

use crate::actor::Script;
use crate::host::{Decides, Host, soon};

type Sent = Empty<Bytes>;

const PATHS: [(&str, &str); 10] = [
    ("routes", "/api/plugins/actor/act"),
    ("management", "/api/plugins"),
    ("management", "/api/plugins/actor"),
    ("management", "/api/plugins/actor/-/license"),
    ("management", "/api/plugins/actor/-/storage"),
    ("bundles", "/api/plugins/actor/bundle.js"),
    ("events", "/api/plugin-events"),
    ("openapi", "/api/plugins-openapi.json"),
    ("nobody", "/api/plugins/actor/-/later"),
    ("nobody", "/api/plugins/actor/a/%2e%2e/b"),
];

async fn host() -> Host {
    let script = Script::act(|_, _| async { Ok(toru_plugin_api::Response::text("acted")) });
    script.run().await
}

async fn ask<S>(host: &Host, service: S, path: &str) -> (u16, String)
where
    S: Service<Authorized<Sent>, Response = Response<ResponseBody>, Error = Infallible> + Clone,
{
    let decides = Decides(|_: &_| Authorization::allow(Identity::user("somebody")));
    let mut service = Authorize::new(&host.manager, decides, service);
    let Ok(response) = soon(service.call(Request::get(path).body(Sent::new()).unwrap())).await;
    let (head, body) = response.into_parts();
    let kind = head.headers.get("content-type").map(|kind| kind.as_bytes());
    if kind != Some(b"application/problem+json") {
        return (head.status.as_u16(), String::new());
    }
    let problem: Value = serde_json::from_slice(&soon(body.collect()).await.unwrap().to_bytes()).unwrap();
    (head.status.as_u16(), problem["code"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn each_service_answers_its_own_paths_and_no_other() {
    let host = host().await;
    let manager = || host.manager.clone();
    for (owner, path) in PATHS {
        let answers = [
            ("routes", ask(&host, PluginRoutes::new(manager()), path).await),
            ("management", ask(&host, Management::new(manager()), path).await),
            ("bundles", ask(&host, Bundles::new(manager()), path).await),
            ("events", ask(&host, Events::new(manager()), path).await),
            ("openapi", ask(&host, OpenApi::new(&manager()), path).await),
        ];
        for (service, (status, code)) in answers {
            let what = format!("{service} about {path}: {status} {code}");
            if path.contains("%2e") {
                assert_eq!((status, code.as_str()), (400, "invalid_path"), "{what}");
            } else if service == owner && service != "bundles" {
                assert_eq!(status, 200, "{what}");
            } else {
                // This plugin has no bundle, which is said in the same words.
                assert_eq!((status, code.as_str()), (404, "unknown_route"), "{what}");
            }
        }
    }
}

/// A layer of the application's own, behind the decision.
#[derive(Clone)]
struct OnlyFor<S>(&'static str, S);

impl<S, B> Service<Authorized<B>> for OnlyFor<S>
where
    S: Service<Authorized<Limited<B>>, Response = Response<ResponseBody>, Error = Infallible>,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.1.poll_ready(cx)
    }

    fn call(&mut self, request: Authorized<B>) -> S::Future {
        assert_eq!(request.access(), Access::Use { plugin: self.0 });
        assert_eq!(request.identity(), &Identity::user("somebody"));
        assert_eq!(request.head().method, http::Method::GET);
        self.1.call(request.map_body(|body| Limited::new(body, 10)))
    }
}

#[tokio::test]
async fn an_application_puts_layers_between_the_decision_and_a_service() {
    let host = host().await;
    let service = OnlyFor("actor", PluginRoutes::new(host.manager.clone()));
    assert_eq!(ask(&host, service, "/api/plugins/actor/act").await.0, 200);
}

#[tokio::test]
async fn a_late_decision_goes_to_the_service_that_was_ready() {
    /// Refuses to be called before it said that it is ready, as services may.
    struct Once<S>(S, bool);

    impl<S: Clone> Clone for Once<S> {
        fn clone(&self) -> Self {
            Self(self.0.clone(), false)
        }
    }

    impl<S: Service<R>, R> Service<R> for Once<S> {
        type Response = S::Response;
        type Error = S::Error;
        type Future = S::Future;

        fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
            self.1 = true;
            self.0.poll_ready(cx)
        }

        fn call(&mut self, request: R) -> S::Future {
            assert!(std::mem::take(&mut self.1), "called before it was ready");
            self.0.call(request)
        }
    }

    let host = host().await;
    for (allowed, status) in [(true, 200), (false, 403)] {
        let decides = Decides(move |_: &_| {
            Authorization::decide(async move {
                tokio::task::yield_now().await;
                allowed.then(Identity::anonymous).ok_or(Refusal::Forbidden)
            })
        });
        let service = Once(PluginRoutes::new(host.manager.clone()), false);
        let mut service = Authorize::new(&host.manager, decides, service);
        let request = Request::get("/api/plugins/actor/act").body(Sent::new()).unwrap();
        let Ok(()) = std::future::poll_fn(|cx| Service::<Request<Sent>>::poll_ready(&mut service, cx)).await;
        let Ok(response) = soon(service.call(request)).await;
        assert_eq!(response.status(), status);
    }
}
