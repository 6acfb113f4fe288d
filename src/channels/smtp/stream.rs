//! The connection under an SMTP conversation. It is made here and not by `lettre`: trust is then the same as for IMAP,
//! and what somebody on the way puts behind the answer to STARTTLS is noticed.

use super::SmtpSettings;
use super::connection::LIMIT;
use crate::channels::tls::{self, Wire};
use crate::channels::{Security, one_line};
use lettre::transport::smtp::client::AsyncTokioStream;
use lettre::transport::smtp::extension::ClientId;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader, ReadBuf,
};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connects up to the point where EHLO counts.
pub(super) async fn open(settings: &SmtpSettings, hello: &ClientId) -> Result<SmtpStream, String> {
    let host = settings.host.as_str();
    let plain = tls::connect(host, settings.port, LIMIT).await.map_err(|error| error.to_string())?;
    let peer = plain.peer_addr().map_err(|error| error.to_string())?;
    let secured = async |plain| {
        tls::secure(plain, host, settings.ca_file.clone(), LIMIT).await.map_err(|error| error.to_string())
    };
    let (wire, owed): (Box<dyn Wire>, _) = match settings.security {
        Security::None => (Box::new(plain), ""),
        Security::Tls => (Box::new(secured(plain).await?), ""),
        Security::StartTls => {
            let plain = timeout(LIMIT, start_tls(plain, hello)).await;
            let plain = plain.map_err(|_| format!("{host} did not answer STARTTLS within {} s", LIMIT.as_secs()))??;
            // lettre begins with a greeting, and this server has given its own before TLS.
            (Box::new(secured(plain).await?), "220 TLS\r\n")
        }
    };
    Ok(SmtpStream { wire, peer, owed: owed.as_bytes() })
}

/// The little that is said before TLS.
async fn start_tls(plain: TcpStream, hello: &ClientId) -> Result<TcpStream, String> {
    let mut plain = BufReader::new(plain);
    let failed = |error: io::Error| format!("the connection to the mail server failed: {error}");
    reply(&mut plain, "220").await?;
    plain.write_all(format!("EHLO {hello}\r\n").as_bytes()).await.map_err(failed)?;
    let offers = reply(&mut plain, "250").await?;
    if !offers.iter().any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
        return Err("the mail server offers no STARTTLS on this port; try security \"tls\" on port 465".to_owned());
    }
    plain.write_all(b"STARTTLS\r\n").await.map_err(failed)?;
    reply(&mut plain, "220").await?;
    if !plain.buffer().is_empty() {
        return Err("somebody on the way adds to the answer to STARTTLS; the connection is not safe".to_owned());
    }
    Ok(plain.into_inner())
}

/// Reads one reply, which may be of several lines, and gives them without code.
async fn reply(plain: &mut BufReader<TcpStream>, code: &str) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        let read = (&mut *plain).take(2_000).read_until(b'\n', &mut line).await;
        let read = read.map_err(|error| format!("the connection to the mail server failed: {error}"))?;
        let line = String::from_utf8_lossy(&line);
        let rest = line.strip_prefix(code).filter(|_| read > 0 && lines.len() < 100);
        let Some(rest) = rest else {
            return Err(format!("the mail server answers \"{}\" before STARTTLS", one_line(&line)));
        };
        lines.push(rest.get(1..).unwrap_or_default().trim().to_owned());
        if !rest.starts_with('-') {
            return Ok(lines);
        }
    }
}

/// Our connection, as lettre wants it.
#[derive(Debug)]
pub(super) struct SmtpStream {
    wire: Box<dyn Wire>,
    peer: SocketAddr,
    /// Given to the reader before anything from the wire.
    owed: &'static [u8],
}

impl AsyncTokioStream for SmtpStream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for SmtpStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.owed.is_empty() {
            return Pin::new(&mut this.wire).poll_read(cx, buffer);
        }
        let (now, later) = this.owed.split_at(this.owed.len().min(buffer.remaining()));
        buffer.put_slice(now);
        this.owed = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SmtpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().wire).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().wire).poll_shutdown(cx)
    }
}
