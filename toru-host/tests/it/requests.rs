//! Requests in the hands of a plugin.

use bytes::Bytes;
use http::request::Parts;
use http_body_util::Full;
use toru_host::service::{Access, Authorization, Authorizer, Identity, PluginApi};
use toru_plugin_api::Response;
use tower_service::Service;

use crate::actor::Script;
use crate::host::{get, post, read};
use crate::streaming::broken;

#[tokio::test]
async fn an_error_of_the_request_reaches_the_plugin() {
    let host = Script::act(|_, mut request| async move {
        Ok(Response::text(match request.bytes().await {
            Ok(_) => "whole".to_owned(),
            Err(error) => format!("{error:?}"),
        }))
    })
    .run()
    .await;
    let answer = read(host.respond(post("actor/act", broken())).await)
        .await
        .unwrap();
    assert_eq!(answer.text(), "Disconnected");
}

/// Lets one user in, as whoever that is.
struct Known(Identity);

impl Authorizer for Known {
    fn authorize(&self, _: &Parts, _: Access<'_>) -> Authorization {
        Authorization::allow(self.0.clone())
    }
}

#[tokio::test]
async fn an_author_is_told_who_the_user_is_in_the_applications_own_spelling() {
    let host = Script::act(|_, request| async move {
        let roles: Vec<_> = request.roles().collect();
        Ok(Response::text(format!("{:?} {roles:?}", request.user())))
    })
    .run()
    .await;
    let ask = async |identity: Identity| {
        let mut service = PluginApi::new(host.manager.clone(), Known(identity));
        let Ok(response) = service.call(get("actor/act")).await;
        read(response).await.unwrap().text().to_owned()
    };
    assert_eq!(ask(Identity::anonymous()).await, "None []");
    let name = "Zoë 100%, \"admin\"\r\nx: y";
    let odd = Identity::user(name).with_role("a,b").with_role("c d");
    assert_eq!(ask(odd).await, format!("{:?} {:?}", Some(name), ["a,b", "c d"]));
    assert_eq!(ask(Identity::user("")).await, r#"Some("") []"#);
}

#[tokio::test]
async fn a_request_stays_valid_on_another_thread_after_its_handler_has_ended() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let host = Script::act(move |_, request| {
        sender.send(request).unwrap();
        std::future::ready(Ok(Response::text("ended")))
    })
    .run()
    .await;
    let mut sent = post(
        "actor/act/some%20path?a=1&b=%32",
        Full::new(Bytes::from("the body")),
    );
    sent.headers_mut().insert("x-mine", "value".parse().unwrap());
    assert_eq!(read(host.respond(sent).await).await.unwrap().text(), "ended");
    host.disable("actor").await;
    drop(host);
    let reading = std::thread::spawn(move || {
        let mut request = receiver.recv().unwrap();
        assert_eq!(request.path(), "/act/some%20path");
        assert_eq!(request.param("rest").unwrap(), "some path");
        assert_eq!(
            (request.query_param("b").unwrap(), request.query()),
            ("2".into(), "a=1&b=%32".into())
        );
        assert_eq!(request.header("X-Mine").unwrap(), b"value");
        assert!(
            request
                .headers()
                .any(|(name, value)| (name, value) == ("x-mine", b"value"))
        );
        assert_eq!(&*request.take_body().collect_blocking(100).unwrap(), b"the body");
    });
    tokio::task::spawn_blocking(move || reading.join().unwrap())
        .await
        .unwrap();
}
