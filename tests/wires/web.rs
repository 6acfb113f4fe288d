//! A small HTTP server that also does what no real one does on demand.

use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with a request that it has read whole.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers: status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Announces so many bytes, sends these and hangs up.
    Half(usize, &'static str),
    /// Answers with a status and headers, announces a terabyte and sends nothing of it.
    Endless(u16, Vec<(&'static str, String)>),
    /// Hangs up.
    Cut,
    /// Never answers.
    Silence,
}

/// Answers with a status and a body of JSON.
pub fn json(status: u16, body: &str) -> Act {
    Act::Answer(status, vec![("Content-Type", "application/json".to_owned())], body.as_bytes().to_vec())
}

/// A request as it was read.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /path`.
    pub line: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A field of a form.
    pub fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.body.as_bytes()).find(|(known, _)| known == name).map(|(_, v)| v.into_owned())
    }
}

/// A running server; it ends with the test's runtime.
pub struct Web {
    pub port: u16,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Web {
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every request so far.
    pub fn heard(&self) -> Vec<Request> {
        self.heard.lock().unwrap().clone()
    }
}

/// Starts a server that does the same with every request.
pub async fn always(act: Act) -> Web {
    serve(move |_| act.clone()).await
}

/// Starts a server.
pub async fn serve(answer: impl Fn(&Request) -> Act + Send + Sync + 'static) -> Web {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let web = Web { port: listener.local_addr().unwrap().port(), heard: Arc::clone(&heard) };
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (answer, heard) = (Arc::clone(&answer), Arc::clone(&heard));
            tokio::spawn(async move {
                let mut stream = BufReader::new(stream);
                while let Some(request) = read(&mut stream).await {
                    heard.lock().unwrap().push(request.clone());
                    if act(&mut stream, answer(&request)).await.is_none() {
                        break;
                    }
                }
            });
        }
    });
    web
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let line = lines.remove(0);
    let headers: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, n)| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Request { line, headers, body: String::from_utf8(body).unwrap() })
}

/// Gives `None` when the connection is at its end.
async fn act(stream: &mut BufReader<TcpStream>, act: Act) -> Option<()> {
    let head = |status: u16, length: usize| format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n");
    match act {
        Act::Answer(status, headers, body) => {
            let mut said = head(status, body.len());
            for (name, value) in headers {
                said.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(format!("{said}\r\n").as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()?;
            stream.flush().await.ok()
        }
        Act::Half(length, body) => {
            stream.write_all(format!("{}\r\n{body}", head(201, length)).as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            None
        }
        Act::Endless(status, headers) => {
            let mut said = head(status, 1 << 40);
            for (name, value) in headers {
                said.push_str(&format!("{name}: {value}\r\n"));
            }
            stream.write_all(format!("{said}\r\n").as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
            std::future::pending().await
        }
        Act::Cut => None,
        Act::Silence => std::future::pending().await,
    }
}
