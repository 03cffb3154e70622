//! A plain blocking client (RESP2) for what is not load: settings, probes, counts.

use crate::requests::command;
use crate::{Failure, Result};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A status, or a bulk string.
    Text(Vec<u8>),
    /// An integer.
    Number(i64),
    /// A null.
    Null,
    /// An error's text.
    Error(String),
    /// An array.
    Array(Vec<Value>),
}

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects. Replies that take longer than 20 s are errors.
    pub fn connect(address: SocketAddr) -> Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    /// Sends one command and gives its reply; an error reply is a failure.
    pub fn call(&mut self, words: &[&[u8]]) -> Result<Value> {
        let mut bytes = Vec::new();
        command(&mut bytes, words);
        self.send(&bytes)?;
        match self.receive()? {
            Value::Error(text) => Err(Failure(text)),
            value => Ok(value),
        }
    }

    /// How long to wait for replies from now on; not zero.
    pub fn set_patience(&mut self, time: Duration) -> Result<()> {
        Ok(self.stream.get_ref().set_read_timeout(Some(time))?)
    }

    /// Sends prepared bytes.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.get_mut().write_all(bytes)?)
    }

    /// Waits for the next reply.
    pub fn receive(&mut self) -> Result<Value> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        let text = match line.strip_suffix(b"\r\n") {
            Some(text) if !text.is_empty() => text,
            _ => return Err(Failure("the server closed the connection".into())),
        };
        let rest = String::from_utf8_lossy(&text[1..]).into_owned();
        let number = rest.parse::<i64>();
        Ok(match (text[0], number) {
            (b'+', _) => Value::Text(rest.into_bytes()),
            (b'-', _) => Value::Error(rest),
            (b':', Ok(number)) => Value::Number(number),
            (b'$' | b'*', Ok(-1)) => Value::Null,
            (b'$', Ok(length)) => {
                let mut bytes = vec![0; length as usize + 2];
                self.stream.read_exact(&mut bytes)?;
                bytes.truncate(length as usize);
                Value::Text(bytes)
            }
            (b'*', Ok(count)) => Value::Array((0..count).map(|_| self.receive()).collect::<Result<_>>()?),
            _ => return Err(Failure(format!("not a reply: {}", String::from_utf8_lossy(&line)))),
        })
    }

    /// The connection itself, once nothing that was read is left in the buffer: for reading with time stamps.
    pub fn into_stream(self) -> Result<TcpStream> {
        match self.stream.buffer().is_empty() {
            true => Ok(self.stream.into_inner()),
            false => Err(Failure("more replies than requests".into())),
        }
    }
}
