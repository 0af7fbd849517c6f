//! Load over sockets in short turns: connections that are never without a request, to one path of a server at a time.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::Result;
use crate::answers::answer_len;
use crate::process::Processor;

/// Connections that are open at a time to one path.
pub const CONNECTIONS: usize = 32;

/// A path of a server, with connections that stay open between turns.
#[derive(Debug)]
pub struct Target {
    request: Bytes,
    process: String,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What a turn came to.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// How long each request took, in nanoseconds.
    pub latencies: Vec<u32>,
    /// How long the turn took.
    pub time: Duration,
    /// How long the server had a processor meanwhile.
    pub processor: Duration,
    /// How often the server gave it up.
    pub switches: u64,
}

impl Target {
    /// Connects to a server, which is told by its address and its process.
    ///
    /// # Errors
    ///
    /// When it cannot be reached.
    pub async fn connect(address: &str, process: String, request: Bytes) -> Result<Self> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let buffer = vec![0; 128 * 1024];
            connections.push(Connection { stream, buffer });
        }
        Ok(Self {
            request,
            process,
            connections,
        })
    }

    /// Sends requests for that long, and waits for the last answers.
    ///
    /// # Errors
    ///
    /// When an answer is none, or another one than the first.
    pub async fn turn(&mut self, long: Duration) -> Result<Turn> {
        let mut tasks = JoinSet::new();
        // The server waits for requests before and after, so its times are complete.
        let before = Processor::of(&self.process)?;
        let start = Instant::now();
        for mut connection in self.connections.drain(..) {
            let request = self.request.clone();
            tasks.spawn(async move {
                let latencies = connection.ask(&request, start + long).await;
                latencies.map(|latencies| (connection, latencies))
            });
        }
        let mut turn = Turn::default();
        while let Some(ended) = tasks.join_next().await {
            let (connection, latencies) = ended??;
            self.connections.push(connection);
            turn.latencies.extend(latencies);
        }
        turn.time = start.elapsed();
        (turn.processor, turn.switches) = Processor::of(&self.process)?.since(&before);
        Ok(turn)
    }
}

impl Connection {
    async fn ask(&mut self, request: &[u8], end: Instant) -> Result<Vec<u32>> {
        let mut latencies = Vec::new();
        let mut start = Instant::now();
        while start < end {
            self.stream.write_all(request).await?;
            self.read_answer().await?;
            let now = Instant::now();
            latencies.push(u32::try_from((now - start).as_nanos()).unwrap_or(u32::MAX));
            start = now;
        }
        Ok(latencies)
    }

    async fn read_answer(&mut self) -> Result {
        let (mut read, mut expected) = (0, None);
        loop {
            let len = self.stream.read(&mut self.buffer[read..]).await?;
            read += len;
            if expected.is_none() {
                expected = answer_len(&self.buffer[..read])?;
            }
            match expected {
                Some(len) if read == len => return Ok(()),
                Some(len) if read > len => return Err("an answer is longer than it says".into()),
                _ if len == 0 => return Err("the server closed a connection".into()),
                _ => {}
            }
        }
    }
}
