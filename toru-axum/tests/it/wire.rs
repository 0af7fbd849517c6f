//! A connection on which every byte is the test's own.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::soon;

pub(crate) struct Wire {
    stream: TcpStream,
    /// What has arrived and was not looked at yet.
    ahead: Vec<u8>,
}

/// A response as it stood on the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header field, by its name in lower case.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .into_iter()
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }
}

impl Wire {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            ahead: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    /// An error means that the server has closed the connection.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        soon(self.stream.write_all(bytes.as_ref())).await
    }

    /// Everything up to the end of the connection, and whether the end was an orderly one.
    pub(crate) async fn rest(mut self) -> (String, bool) {
        let ended = soon(self.stream.read_to_end(&mut self.ahead)).await;
        (String::from_utf8_lossy(&self.ahead).into_owned(), ended.is_ok())
    }

    /// Reads up to and with that text.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            let found = self
                .ahead
                .windows(text.len())
                .position(|found| found == text.as_bytes());
            if let Some(at) = found {
                let read: Vec<u8> = self.ahead.drain(..at + text.len()).collect();
                return String::from_utf8(read).unwrap();
            }
            let read = soon(self.stream.read_buf(&mut self.ahead)).await.unwrap();
            assert_ne!(
                read,
                0,
                "no {text:?} in {:?}",
                String::from_utf8_lossy(&self.ahead)
            );
        }
    }

    /// One response, of known length or in chunks.
    pub(crate) async fn answer(&mut self) -> Answer {
        let head = self.until("\r\n\r\n").await;
        let mut answer = Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body: String::new(),
        };
        if let Some(len) = answer.field("content-length") {
            let len: usize = len.parse().unwrap();
            while self.ahead.len() < len {
                assert_ne!(soon(self.stream.read_buf(&mut self.ahead)).await.unwrap(), 0);
            }
            answer.body = String::from_utf8(self.ahead.drain(..len).collect()).unwrap();
        } else if answer.field("transfer-encoding").is_some() {
            loop {
                let size = self.until("\r\n").await;
                let size = usize::from_str_radix(size.trim_end(), 16).unwrap();
                if size == 0 {
                    break;
                }
                answer.body += self.until("\r\n").await.trim_end();
            }
            answer.body += &self.until("\r\n").await;
        }
        answer
    }

    /// One response to HEAD, or without a body for another reason.
    pub(crate) async fn head(&mut self) -> Answer {
        let head = self.until("\r\n\r\n").await;
        Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body: String::new(),
        }
    }
}
