//! Another server, for the plugin to ask.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A server on this machine, which ends with the test's runtime.
pub(crate) struct Loopback {
    address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    asked: AtomicUsize,
    open: AtomicUsize,
}

impl Loopback {
    /// One that sends that to whoever asks, or lets them wait for good.
    pub(crate) async fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let counts = Arc::<Counts>::default();
        let counting = Arc::clone(&counts);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counting.open.fetch_add(1, Ordering::SeqCst);
                let counts = Arc::clone(&counting);
                tokio::spawn(async move {
                    // An error is the end of the connection too.
                    let _ = serve(stream, answer, &counts.asked).await;
                    counts.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, counts }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/health", self.address)
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> usize {
        self.counts.asked.load(Ordering::SeqCst)
    }

    /// How many connections there are.
    pub(crate) fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }
}

/// Answers one request after the other, until the client closes the connection.
async fn serve(mut stream: TcpStream, answer: Option<&str>, asked: &AtomicUsize) -> std::io::Result<()> {
    let mut head = Vec::new();
    loop {
        let mut bytes = [0; 1024];
        match stream.read(&mut bytes).await? {
            0 => return Ok(()),
            read => head.extend_from_slice(&bytes[..read]),
        }
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        head.clear();
        asked.fetch_add(1, Ordering::SeqCst);
        if let Some(text) = answer {
            let response = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{text}",
                text.len()
            );
            stream.write_all(response.as_bytes()).await?;
        }
    }
}
