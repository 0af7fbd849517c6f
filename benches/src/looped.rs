//! A connection in memory: the same request over and over, without a socket and without a client that does work.
//!
//! What is left is what a server does for a request in its own code, which can be counted.

use std::future::pending;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use axum::serve::Listener;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot::{Receiver, Sender, channel};

use crate::answers::answer_len;

/// A listener with one connection, which asks for the same thing so many times and ends then.
#[derive(Debug)]
pub struct Looped(Option<Connection>);

/// Its connection: each request comes when the one before it is answered.
#[derive(Debug)]
pub struct Connection {
    request: Bytes,
    /// What was read of the request so far.
    at: usize,
    /// Requests that are not answered yet.
    left: u64,
    /// What was written of the answer so far, and how long it is, once that is known.
    answer: Vec<u8>,
    answered: usize,
    answer_len: Option<usize>,
    reader: Option<Waker>,
    /// Told when it is dropped, with the requests that are left.
    ended: Option<Sender<u64>>,
}

impl Looped {
    /// A listener for that many requests, and what tells how many of them were not answered in the end.
    #[must_use]
    pub fn new(request: Bytes, count: u64) -> (Self, Receiver<u64>) {
        let (ended, end) = channel();
        let connection = Connection {
            request,
            at: 0,
            left: count,
            answer: Vec::new(),
            answered: 0,
            answer_len: None,
            reader: None,
            ended: Some(ended),
        };
        (Self(Some(connection)), end)
    }
}

impl Listener for Looped {
    type Io = Connection;
    type Addr = ();

    async fn accept(&mut self) -> (Connection, ()) {
        match self.0.take() {
            Some(connection) => (connection, ()),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.answered += bytes.len();
        let len = match self.answer_len {
            Some(len) => len,
            // All answers are as long as the first.
            None => {
                self.answer.extend_from_slice(bytes);
                let Some(len) = answer_len(&self.answer).map_err(io::Error::other)? else {
                    return Ok(());
                };
                self.answer_len = Some(len);
                len
            }
        };
        if self.answered > len {
            return Err(io::Error::other("an answer is longer than the first"));
        }
        if self.answered == len {
            (self.at, self.answered) = (0, 0);
            self.left -= 1;
            if let Some(reader) = self.reader.take() {
                reader.wake();
            }
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Ok(()));
        }
        let rest = &self.request[self.at..];
        if rest.is_empty() {
            self.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = rest.len().min(into.remaining());
        into.put_slice(&rest[..len]);
        self.at += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes).map(|()| bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut len = 0;
        for part in parts {
            self.write(part)?;
            len += part.len();
        }
        Poll::Ready(Ok(len))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(ended) = self.ended.take() {
            // Nobody may wait for it.
            let _ = ended.send(self.left);
        }
    }
}
