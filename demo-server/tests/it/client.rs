//! A client of the demo server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// One connection, which stays open from request to request.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    token: Option<String>,
    /// The server, as requests name it.
    pub(crate) host: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The cookie that it sets, as far as the browser sends it back.
    pub(crate) cookie: Option<String>,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: &str, token: Option<String>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
            token,
            host: address.to_owned(),
        })
    }

    /// Turns a plugin on or off.
    pub(crate) fn change(&mut self, plugin: &str, enabled: bool) -> io::Result<Answer> {
        let action = if enabled { "enable" } else { "disable" };
        self.send("POST", &format!("/api/plugins/{plugin}/{action}"))
    }

    /// All plugins, as the API shows them.
    pub(crate) fn plugins(&mut self) -> Vec<Value> {
        let answer = self.send("GET", "/api/plugins").unwrap();
        assert_eq!(answer.status, 200);
        answer.json()["plugins"].as_array().unwrap().clone()
    }

    /// Sends a request without a body and reads the answer. An error means that no whole answer came.
    pub(crate) fn send(&mut self, method: &str, path: &str) -> io::Result<Answer> {
        self.send_with(method, path, &[], "")
    }

    /// The same with some header fields more, and a body.
    pub(crate) fn send_with(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: &str,
    ) -> io::Result<Answer> {
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n",
            self.host,
            body.len()
        );
        if let Some(token) = &self.token {
            head += &format!("authorization: Bearer {token}\r\n");
        }
        for (name, value) in fields {
            head += &format!("{name}: {value}\r\n");
        }
        let request = format!("{head}\r\n{body}");
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let (mut len, mut cookie) = (0, None);
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    len = value.parse().map_err(io::Error::other)?;
                }
                Some((name, value)) if name.eq_ignore_ascii_case("set-cookie") => {
                    cookie = value.split(';').next().map(str::to_owned);
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut body = vec![0; len];
        self.stream.read_exact(&mut body)?;
        let status = status.ok_or(io::ErrorKind::InvalidData)?;
        Ok(Answer { status, cookie, body })
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        match line.strip_suffix("\r\n") {
            Some(line) => Ok(line.to_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}
