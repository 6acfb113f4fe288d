//! Small servers that do what no real one does on demand.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a server does upon a line.
#[derive(Clone, Debug)]
pub enum Act {
    /// Says this.
    Say(String),
    /// Says this and hangs up.
    Part(String),
    /// Hangs up.
    Close,
    /// Says this and goes over to TLS.
    Secure(String),
}

/// A running server; it ends with the test's runtime.
pub struct Fake {
    pub port: u16,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// Every line that came in, over all connections.
    pub fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// How many lines came in that begin so.
    pub fn count(&self, start: &str) -> usize {
        self.heard().iter().filter(|line| line.starts_with(start)).count()
    }
}

/// How a server speaks: from the first byte over TLS or not, its greeting, and what it does upon each line.
pub struct Manner {
    pub address: &'static str,
    pub tls: Option<TlsAcceptor>,
    pub tls_at_once: bool,
    pub greeting: &'static str,
}

impl Manner {
    pub fn plain(greeting: &'static str) -> Self {
        Self { address: "127.0.0.1", tls: None, tls_at_once: false, greeting }
    }
}

/// Starts a server. `answer` is given the number of the connection and the line.
pub async fn serve(manner: Manner, answer: impl Fn(usize, &str) -> Act + Send + Sync + 'static) -> Fake {
    let listener = TcpListener::bind((manner.address, 0)).await.unwrap();
    let SocketAddr::V4(address) = listener.local_addr().unwrap() else { panic!("not IPv4") };
    let heard = Arc::new(Mutex::new(Vec::new()));
    let fake = Fake { port: address.port(), heard: Arc::clone(&heard) };
    let (manner, answer) = (Arc::new(manner), Arc::new(answer));
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let (manner, answer, heard) = (Arc::clone(&manner), Arc::clone(&answer), Arc::clone(&heard));
            tokio::spawn(async move {
                let say = move |line: &str| {
                    heard.lock().unwrap().push(line.to_owned());
                    answer(number, line)
                };
                match (&manner.tls, manner.tls_at_once) {
                    (Some(tls), true) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            converse(stream, manner.greeting, &say).await;
                        }
                    }
                    (tls, _) => {
                        let plain = converse(stream, manner.greeting, &say).await;
                        if let (Some(tls), Some(plain)) = (tls, plain)
                            && let Ok(stream) = tls.accept(plain).await
                        {
                            converse(stream, "", &say).await;
                        }
                    }
                }
            });
        }
    });
    fake
}

/// Speaks until the end, which gives `None`, or until TLS is to begin.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    greeting: &str,
    answer: &impl Fn(&str) -> Act,
) -> Option<S> {
    let mut stream = BufReader::new(stream);
    stream.write_all(greeting.as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        let (said, on) = match answer(line.trim_end()) {
            Act::Say(said) => (said, true),
            Act::Secure(said) => {
                stream.write_all(said.as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
                return Some(stream.into_inner());
            }
            Act::Part(said) => (said, false),
            Act::Close => (String::new(), false),
        };
        stream.write_all(said.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        if !on {
            return None;
        }
    }
}

/// A server's side of TLS, with the certificate and key of the mail stack in `dir`.
pub fn acceptor(dir: &Path) -> TlsAcceptor {
    let certificates = CertificateDer::pem_file_iter(dir.join("tls/cert.pem")).unwrap().collect::<Result<_, _>>();
    let key = PrivateKeyDer::from_pem_file(dir.join("tls/key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates.unwrap(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// An IMAP server with an INBOX whose UIDVALIDITY is 7: answers by the first of `script` that the command begins with.
/// `TAG` in an answer stands for the command's tag, `MORE` for a number that grows.
pub async fn imap(script: Vec<(&'static str, Act)>) -> Fake {
    let count = AtomicU32::new(3);
    let fill = move |said: &str, tag: &str| {
        let more = count.fetch_add(1, Ordering::SeqCst) + 1;
        said.replace("TAG", tag).replace("MORE", &more.to_string())
    };
    serve(Manner::plain("* OK ready\r\n"), move |_, line| {
        let (tag, command) = line.split_once(' ').unwrap_or((line, ""));
        let usual = [
            ("LOGIN", "TAG OK in\r\n"),
            ("CAPABILITY", "* CAPABILITY IMAP4rev1\r\nTAG OK done\r\n"),
            ("SELECT", "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\nTAG OK [READ-WRITE] open\r\n"),
            ("LOGOUT", "* BYE\r\nTAG OK\r\n"),
            ("", "TAG OK done\r\n"),
        ];
        let usual = usual.map(|(start, said)| (start, Act::Say(said.to_owned())));
        let found = script.iter().chain(&usual).find(|(start, _)| command.starts_with(start));
        match found.map(|(_, act)| act.clone()) {
            Some(Act::Say(said)) => Act::Say(fill(&said, tag)),
            Some(Act::Part(said)) => Act::Part(fill(&said, tag)),
            Some(act) => act,
            None => Act::Close,
        }
    })
    .await
}

/// An SMTP server's usual answer to a line; message lines are told by the caller.
pub fn smtp_answer(line: &str) -> Act {
    let said = match line.split([' ', ':']).next().unwrap_or_default() {
        "EHLO" => "250-fake\r\n250-8BITMIME\r\n250 HELP\r\n",
        "DATA" => "354 go on\r\n",
        "QUIT" => return Act::Part("221 bye\r\n".to_owned()),
        "MAIL" | "RCPT" | "RSET" | "NOOP" => "250 ok\r\n",
        "." => "250 2.0.0 queued\r\n",
        // A line of a message.
        _ => "",
    };
    Act::Say(said.to_owned())
}
