//! C plugins that answer wrongly, twice, too late or not at all.

use crate::host::get;
use crate::zoo;

#[tokio::test]
async fn a_second_answer_is_a_conflict() {
    let Some(zoo) = zoo::running("responds_twice").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.text(), "first");
    assert_eq!(zoo.count("status").await, 24);
}

#[tokio::test]
async fn an_answer_past_the_responder_is_a_conflict() {
    let Some(zoo) = zoo::running("responds_after_detaching").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.text(), "like this");
    assert_eq!(zoo.count("status").await, 24);
}

#[tokio::test]
async fn an_answer_after_the_client_has_gone_is_cancelled() {
    let Some(zoo) = zoo::running("responds_after_cancellation").await else {
        return;
    };
    let path = format!("{}/fault", zoo.id);
    let mut call = zoo.host.call(get(&path));
    let polled =
        std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut call).poll(cx))).await;
    assert!(polled.is_pending());
    assert_eq!(zoo.count("called").await, 0);
    drop(call);
    // The callback ran during the drop, and was refused.
    assert_eq!((zoo.count("called").await, zoo.count("status").await), (1, 21));
    zoo.host.disable(&zoo.id).await;
}

#[tokio::test]
async fn a_responder_given_back_without_an_answer_is_an_error() {
    for name in [
        "gives_the_responder_back",
        "gives_the_responder_back_from_a_thread",
    ] {
        let Some(zoo) = zoo::running(name).await else {
            return;
        };
        for _ in 0..20 {
            assert_eq!(
                zoo.fault(0).await.problem(),
                (500, "plugin_error".into()),
                "{name}"
            );
        }
        zoo.host.disable(&zoo.id).await;
    }
}

#[tokio::test]
async fn there_is_one_responder() {
    let Some(zoo) = zoo::running("detaches_twice").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.text(), "one responder");
}

#[tokio::test]
async fn a_call_that_is_detached_by_word_alone_is_an_error() {
    let Some(zoo) = zoo::running("detached_without_detaching").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.problem(), (500, "plugin_error".into()));
}

#[tokio::test]
async fn a_responder_that_stays_out_after_the_call_has_ended_is_cancelled() {
    let Some(zoo) = zoo::running("detaches_and_says_done").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.problem(), (500, "plugin_error".into()));
    assert_eq!(zoo.count("called").await, 1);
    zoo.host.disable(&zoo.id).await;
}

#[tokio::test]
async fn a_blocking_handler_may_detach() {
    let Some(zoo) = zoo::running("detaches_on_a_blocking_route").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.text(), "later");
}

#[tokio::test]
async fn a_blocking_handler_may_not_suspend() {
    let Some(zoo) = zoo::running("pends_on_a_blocking_route").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.problem(), (500, "plugin_error".into()));
    assert_eq!((zoo.count("polled").await, zoo.count("dropped").await), (0, 1));
}

#[tokio::test]
async fn a_handler_that_ends_without_an_answer_is_an_error() {
    let Some(zoo) = zoo::running("ends_without_an_answer").await else {
        return;
    };
    assert_eq!(zoo.fault(0).await.problem(), (500, "plugin_error".into()));
    zoo.serves().await;
}

#[tokio::test]
async fn an_unknown_status_is_an_error_with_and_without_an_answer() {
    let Some(zoo) = zoo::running("returns_an_unknown_status").await else {
        return;
    };
    for number in [0, 1] {
        assert_eq!(zoo.fault(number).await.problem(), (500, "plugin_error".into()));
    }
}

#[tokio::test]
async fn an_operation_is_polled_to_its_end_and_dropped_once() {
    let Some(zoo) = zoo::running("pends").await else {
        return;
    };
    for n in 1..=10 {
        assert_eq!(zoo.fault(0).await.text(), "polled");
        assert_eq!(
            (zoo.count("polled").await, zoo.count("dropped").await),
            (2 * n, n)
        );
    }
}

#[tokio::test]
async fn an_operation_that_is_cancelled_is_dropped_once_and_not_polled_again() {
    let Some(zoo) = zoo::running("pends_forever").await else {
        return;
    };
    let path = format!("{}/fault", zoo.id);
    for n in 1..=5 {
        let mut call = zoo.host.call(get(&path));
        for _ in 0..2 {
            let polled =
                std::future::poll_fn(|cx| std::task::Poll::Ready(std::pin::Pin::new(&mut call).poll(cx)))
                    .await;
            assert!(polled.is_pending());
        }
        drop(call);
        assert_eq!((zoo.count("polled").await, zoo.count("dropped").await), (n, n));
    }
    zoo.host.disable(&zoo.id).await;
}

#[tokio::test]
async fn an_operation_without_what_it_needs_is_an_error() {
    let Some(zoo) = zoo::running("pends_with_an_unusable_operation").await else {
        return;
    };
    for number in 0..4 {
        assert_eq!(
            zoo.fault(number).await.problem(),
            (500, "plugin_error".into()),
            "{number}"
        );
    }
    assert_eq!((zoo.count("polled").await, zoo.count("dropped").await), (0, 0));
}

#[tokio::test]
async fn a_task_without_a_table_stays_the_plugins() {
    let Some(zoo) = zoo::running("spawns_without_a_table").await else {
        return;
    };
    assert_eq!(zoo.count("status").await, 17);
}

#[tokio::test]
async fn what_a_destroyed_instance_was_given_answers_that_it_is_gone() {
    let Some(zoo) = zoo::running("keeps_its_context").await else {
        return;
    };
    zoo.host.disable(&zoo.id).await;
    zoo.host.enable(&zoo.id).await.unwrap();
    assert_eq!(zoo.count("called").await, 8);
    assert!(crate::logs::containing("from beyond").is_empty());
    let told = crate::logs::find(|record| {
        record.field("plugin.code") == "late_call" && record.field("plugin.id") == zoo.id
    });
    assert_eq!(told.len(), 1, "the first of its calls is logged, and no other");
}

#[tokio::test]
async fn the_life_of_an_instance_is_told_once() {
    let Some(zoo) = zoo::running("good").await else {
        return;
    };
    for n in 1..=5 {
        let counts = [
            zoo.count("made").await,
            zoo.count("started").await,
            zoo.count("stopped").await,
            zoo.count("ended").await,
        ];
        assert_eq!(counts, [n, n, n - 1, n - 1]);
        zoo.host.disable(&zoo.id).await;
        zoo.host.enable(&zoo.id).await.unwrap();
    }
}
