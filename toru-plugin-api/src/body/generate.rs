//! Bodies that an asynchronous function produces.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::{Body, BodyStream, Frame};
use crate::bytes::Bytes;
use crate::error::{BodyError, PluginError};
use crate::headers::Trailers;

impl Body {
    /// A body that an asynchronous function produces, such as a stream of server-sent events.
    ///
    /// The function runs when the client can take something, on the threads that run handlers, and is dropped when the client
    /// goes away or the plugin is disabled. The body ends when it returns, and its sender is gone where it gave that away. An
    /// error cuts the response short, visibly for the client.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use toru_plugin_api::{Body, PluginContext, Response};
    ///
    /// fn ticks(ctx: PluginContext) -> Response {
    ///     let body = Body::generate(|mut sender| async move {
    ///         for tick in 1.. {
    ///             ctx.runtime.sleep(Duration::from_secs(1)).await?;
    ///             sender.send(format!("data: {tick}\n\n")).await?;
    ///         }
    ///         Ok(())
    ///     });
    ///     Response::with_type("text/event-stream", body)
    /// }
    /// ```
    pub fn generate<F>(generate: impl FnOnce(BodySender) -> F) -> Self
    where
        F: Future<Output = Result<(), PluginError>> + Send + 'static,
    {
        let passage = Passage::default();
        let future = generate(BodySender(passage.clone()));
        Self::from_stream(Generated {
            future: Some(Box::pin(future)),
            passage,
        })
    }
}

/// Sends the pieces of a body. See [`Body::generate`].
pub struct BodySender(Passage);

impl BodySender {
    /// Sends some bytes, and returns when they were taken: nothing runs ahead of a slow client.
    ///
    /// # Errors
    ///
    /// [`BodyError::Disconnected`] when nobody wants the body any more. The function of [`Body::generate`] itself is dropped
    /// then; a task that it gave the sender to is told by this.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped after it was polled, the bytes are sent all the same.
    pub async fn send(&mut self, bytes: impl Into<Bytes>) -> Result<(), BodyError> {
        let bytes = bytes.into();
        if bytes.is_empty() {
            return Ok(());
        }
        self.pass(Frame::Data(bytes)).await
    }

    /// Sends the fields that follow the body, which ends with them.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_trailers(mut self, trailers: Trailers) -> Result<(), BodyError> {
        self.pass(Frame::Trailers(trailers)).await
    }

    async fn pass(&mut self, frame: Frame) -> Result<(), BodyError> {
        let mut frame = Some(frame);
        poll_fn(|cx| self.0.poll_pass(&mut frame, cx)).await
    }
}

impl Drop for BodySender {
    fn drop(&mut self) {
        let reader = {
            let mut state = self.0.lock();
            state.is_sender_gone = true;
            state.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }
}

impl fmt::Debug for BodySender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodySender")
    }
}

/// Where a frame is handed over.
#[derive(Clone, Default)]
struct Passage(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    frame: Option<Frame>,
    is_sender_gone: bool,
    is_reader_gone: bool,
    reader: Option<Waker>,
    sender: Option<Waker>,
    /// The function is being polled: whoever sends now by the same waker does so within it, most likely.
    is_inside: bool,
    /// The sender was within the function, so that whoever polls the body polls it.
    is_sender_inside: bool,
}

impl Passage {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a frame there when there is none, then waits until it is taken.
    fn poll_pass(&self, frame: &mut Option<Frame>, cx: &Context<'_>) -> Poll<Result<(), BodyError>> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if state.is_reader_gone {
            return Poll::Ready(Err(BodyError::Disconnected));
        }
        if state.frame.is_none() {
            let Some(frame) = frame.take() else {
                return Poll::Ready(Ok(()));
            };
            state.frame = Some(frame);
        }
        let before = state.sender.replace(waker);
        state.is_sender_inside = state.is_inside;
        let reader = state.reader.take();
        drop(state);
        // Wakers may run anything, also when they are dropped.
        drop(before);
        if let Some(reader) = reader {
            reader.wake();
        }
        Poll::Pending
    }

    /// Takes the frame. A sender within the function need not be told: it is polled next.
    fn take(&self, cx: &Context<'_>) -> Option<Frame> {
        let (frame, sender, is_inside) = {
            let mut state = self.lock();
            let frame = state.frame.take()?;
            (frame, state.sender.take(), state.is_sender_inside)
        };
        let is_polled_next = |sender: &Waker| is_inside && sender.will_wake(cx.waker());
        if let Some(sender) = sender.filter(|sender| !is_polled_next(sender)) {
            sender.wake();
        }
        Some(frame)
    }

    /// Waits for a frame. Ready when there is one, or will never be.
    fn poll_wait(&self, cx: &Context<'_>) -> Poll<()> {
        let waker = cx.waker().clone();
        let mut state = self.lock();
        if state.frame.is_some() || state.is_sender_gone {
            return Poll::Ready(());
        }
        let before = state.reader.replace(waker);
        drop(state);
        drop(before);
        Poll::Pending
    }
}

struct Generated<F> {
    /// `None` when it has returned.
    future: Option<Pin<Box<F>>>,
    passage: Passage,
}

impl<F: Future<Output = Result<(), PluginError>> + Send + 'static> BodyStream for Generated<F> {
    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, PluginError>>> {
        let this = &mut *self;
        loop {
            if let Some(frame) = this.passage.take(cx) {
                return Poll::Ready(Some(Ok(frame)));
            }
            if let Some(future) = &mut this.future {
                this.passage.lock().is_inside = true;
                let polled = future.as_mut().poll(cx);
                this.passage.lock().is_inside = false;
                if let Poll::Ready(result) = polled {
                    this.future = None;
                    if let Err(error) = result {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
            std::task::ready!(this.passage.poll_wait(cx));
            let is_over = {
                let state = this.passage.lock();
                state.frame.is_none() && state.is_sender_gone
            };
            if is_over {
                match this.future {
                    // The function has given its sender up, and goes on.
                    Some(_) => return Poll::Pending,
                    None => return Poll::Ready(None),
                }
            }
        }
    }
}

impl<F> Drop for Generated<F> {
    fn drop(&mut self) {
        // First what holds the sender, most often.
        self.future = None;
        let (sender, frame) = {
            let mut state = self.passage.lock();
            state.is_reader_gone = true;
            (state.sender.take(), state.frame.take())
        };
        drop(frame);
        if let Some(sender) = sender {
            sender.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::shim::block_on;

    /// Counts how often it is woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    type Polled = Poll<Option<Result<Frame, BodyError>>>;

    fn poll(body: &mut Body, woken: &Arc<Woken>) -> Polled {
        body.poll_next(&mut Context::from_waker(&Arc::clone(woken).into()))
    }

    fn data(text: &'static str) -> Polled {
        Poll::Ready(Some(Ok(Frame::Data(text.into()))))
    }

    #[test]
    fn the_function_runs_no_further_than_the_client_takes() {
        let reached = Arc::new(AtomicUsize::new(0));
        let at = Arc::clone(&reached);
        let mut body = Body::generate(|mut sender| async move {
            for (n, text) in ["one", "", "two"].into_iter().enumerate() {
                at.store(n + 1, Ordering::SeqCst);
                sender.send(text).await?;
            }
            let trailers = Trailers::default().with("x-sum", &b"3"[..]);
            sender.send_trailers(trailers).await?;
            Ok(())
        });
        let woken = Arc::default();
        assert_eq!(reached.load(Ordering::SeqCst), 0, "it was not asked yet");
        assert_eq!(poll(&mut body, &woken), data("one"));
        assert_eq!(reached.load(Ordering::SeqCst), 1);
        assert_eq!(poll(&mut body, &woken), data("two"), "an empty piece is none");
        assert_eq!(reached.load(Ordering::SeqCst), 3);
        assert!(matches!(
            poll(&mut body, &woken),
            Poll::Ready(Some(Ok(Frame::Trailers(_))))
        ));
        assert_eq!(poll(&mut body, &woken), Poll::Ready(None));
        assert_eq!(woken.0.load(Ordering::SeqCst), 0, "whoever polls needs no waking");
    }

    #[test]
    fn an_error_cuts_the_body() {
        let mut body = Body::generate(|mut sender| async move {
            sender.send("begun").await?;
            Err(PluginError::other("cannot go on"))
        });
        let woken = Arc::default();
        assert_eq!(poll(&mut body, &woken), data("begun"));
        assert_eq!(
            poll(&mut body, &woken),
            Poll::Ready(Some(Err(BodyError::Disconnected)))
        );
    }

    #[test]
    fn a_sender_in_another_task_is_woken_and_wakes() {
        let (give, given) = std::sync::mpsc::channel();
        let mut body = Body::generate(|sender| async move {
            give.send(sender).map_err(PluginError::other)?;
            Ok(())
        });
        let woken = Arc::default();
        assert_eq!(poll(&mut body, &woken), Poll::Pending);
        let mut sender = given.recv().unwrap();
        let (task, mut sending) = (Arc::<Woken>::default(), Box::pin(sender.send("late")));
        let waker = Arc::clone(&task).into();
        let mut cx = Context::from_waker(&waker);
        assert_eq!(sending.as_mut().poll(&mut cx), Poll::Pending);
        assert_eq!(woken.0.load(Ordering::SeqCst), 1);
        assert_eq!(poll(&mut body, &woken), data("late"));
        assert_eq!(task.0.load(Ordering::SeqCst), 1);
        assert_eq!(sending.as_mut().poll(&mut cx), Poll::Ready(Ok(())));
        drop(sending);
        assert_eq!(poll(&mut body, &woken), Poll::Pending);
        drop(sender);
        assert_eq!(woken.0.load(Ordering::SeqCst), 2);
        assert_eq!(poll(&mut body, &woken), Poll::Ready(None));
    }

    #[test]
    fn a_sender_in_the_readers_task_but_not_in_the_function_is_woken() {
        let (give, given) = std::sync::mpsc::channel();
        let mut body = Body::generate(|sender| async move {
            give.send(sender).map_err(PluginError::other)?;
            std::future::pending().await
        });
        let woken = Arc::default();
        assert_eq!(poll(&mut body, &woken), Poll::Pending);
        let mut sender = given.recv().unwrap();
        let waker = Arc::clone(&woken).into();
        let mut sending = Box::pin(sender.send("beside"));
        assert!(
            sending
                .as_mut()
                .poll(&mut Context::from_waker(&waker))
                .is_pending()
        );
        let before = woken.0.load(Ordering::SeqCst);
        assert_eq!(poll(&mut body, &woken), data("beside"));
        assert_eq!(woken.0.load(Ordering::SeqCst), before + 1);
    }

    #[test]
    fn a_sender_whose_body_is_gone_is_told() {
        let (give, given) = std::sync::mpsc::channel();
        let mut body = Body::generate(|sender| async move {
            give.send(sender).map_err(PluginError::other)?;
            std::future::pending().await
        });
        assert_eq!(poll(&mut body, &Arc::default()), Poll::Pending);
        let mut sender = given.recv().unwrap();
        let thread = std::thread::spawn(move || block_on(sender.send("nobody reads this")));
        drop(body);
        assert_eq!(thread.join().unwrap(), Err(BodyError::Disconnected));
    }

    #[test]
    fn threads_pass_each_other_all_of_it() {
        let mut body = Body::generate(|mut sender| async move {
            std::thread::spawn(move || {
                for n in 0..1000_u32 {
                    block_on(sender.send(n.to_le_bytes().to_vec())).unwrap();
                }
            });
            Ok(())
        });
        for n in 0..1000_u32 {
            let frame = block_on(body.frame()).unwrap().unwrap();
            assert_eq!(frame, Frame::Data(n.to_le_bytes().to_vec().into()));
        }
        assert!(block_on(body.frame()).is_none());
    }
}
