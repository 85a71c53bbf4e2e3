//! The sockets and their sessions: who listens, who is served, who is being closed.

use crate::limits::{CLIENTS_MAX, RECEIVE_BYTES, TRANSMIT_BYTES};
use crate::session::{Session, Shared, Stream};
use alloc::vec::Vec;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::time::Duration;

/// Those of the clients, and some for who is refused or still closing.
const SOCKETS: usize = CLIENTS_MAX + 16;
/// A client that says nothing is asked so often whether it is still there.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// A client that does not answer for so long is gone.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How long the end of a connection may take, in milliseconds.
const CLOSING_MAX_MS: u64 = 10_000;

/// Where a socket is on its way.
#[derive(Clone, Copy)]
enum Stage {
    Free,
    Open,
    /// Since when.
    Closing(u64),
}

struct Client {
    socket: SocketHandle,
    session: Session,
    stage: Stage,
}

/// All of them.
pub(crate) struct Clients {
    clients: Vec<Client>,
    port: u16,
    /// Sockets that listen.
    listening: usize,
}

impl Clients {
    /// Takes the memory for all sockets.
    pub fn new(sockets: &mut SocketSet<'static>, port: u16) -> Self {
        let client = |_| {
            let buffer = |bytes| SocketBuffer::new(alloc::vec![0; bytes]);
            let mut socket = Socket::new(buffer(RECEIVE_BYTES), buffer(TRANSMIT_BYTES));
            socket.set_nagle_enabled(false);
            socket.set_keep_alive(Some(KEEP_ALIVE));
            socket.set_timeout(Some(TIMEOUT));
            Client { socket: sockets.add(socket), session: Session::new(), stage: Stage::Free }
        };
        Self { clients: (0..SOCKETS).map(client).collect(), port, listening: 0 }
    }

    /// Does for every client what can be done.
    pub fn serve(&mut self, sockets: &mut SocketSet<'static>, shared: &mut Shared, now_ms: u64) {
        let is_listening_needed = self.listening == 0;
        self.listening = 0;
        for client in &mut self.clients {
            let socket = sockets.get_mut::<Socket>(client.socket);
            // A socket that only waits for late packets is better used for who comes now.
            let is_over = match socket.state() {
                State::Closed => socket.remote_endpoint().is_none(),
                State::TimeWait => is_listening_needed,
                _ => false,
            };
            if is_over {
                client.leave(shared);
                client.stage = Stage::Free;
                socket.listen(self.port).expect("it is closed, and the port is not 0");
            }
            match (client.stage, socket.state()) {
                (_, State::Listen) => self.listening += 1,
                (_, State::Closed | State::SynReceived) => {}
                (Stage::Free, _) => client.begin(socket, shared, now_ms),
                (Stage::Open, _) => client.serve(socket, shared, now_ms),
                (Stage::Closing(since_ms), _) => {
                    let mut stream = TcpStream(socket);
                    stream.consume(stream.available());
                    if now_ms - since_ms > CLOSING_MAX_MS {
                        socket.abort();
                    }
                }
            }
        }
    }
}

impl Client {
    fn begin(&mut self, socket: &mut Socket<'static>, shared: &mut Shared, now_ms: u64) {
        self.stage = Stage::Open;
        shared.facts.clients += 1;
        shared.facts.connections += 1;
        if shared.facts.clients > CLIENTS_MAX {
            let why = "ERR max number of clients reached";
            self.session.refuse(shared, &mut TcpStream(socket), why);
        }
        self.serve(socket, shared, now_ms);
    }

    fn serve(&mut self, socket: &mut Socket<'static>, shared: &mut Shared, now_ms: u64) {
        let mut stream = TcpStream(socket);
        let is_done = self.session.serve(shared, &mut stream, now_ms);
        let is_left = !self.session.is_blocked(&stream) && socket.state() == State::CloseWait;
        if is_done || is_left || !socket.may_send() {
            socket.close();
            self.leave(shared);
            self.stage = Stage::Closing(now_ms);
        }
    }

    /// Is a client no longer, though its socket may have something to say.
    fn leave(&mut self, shared: &mut Shared) {
        if matches!(self.stage, Stage::Open) {
            shared.facts.clients -= 1;
            self.session.reset(shared);
        }
    }
}

/// A socket's two buffers.
struct TcpStream<'a>(&'a mut Socket<'static>);

impl Stream for TcpStream<'_> {
    fn available(&self) -> usize {
        self.0.recv_queue()
    }

    fn peek(&mut self, to: &mut [u8]) {
        let copied = self.0.peek_slice(to).unwrap_or(0);
        debug_assert_eq!(copied, to.len());
    }

    fn consume(&mut self, bytes: usize) {
        let mut left = bytes;
        while left > 0 {
            // Up to twice: the buffer is a ring.
            let taken = self.0.recv(|part| (left.min(part.len()), left.min(part.len())));
            match taken {
                Ok(taken) if taken > 0 => left -= taken,
                _ => return,
            }
        }
    }

    fn room(&self) -> usize {
        if self.0.may_send() { self.0.send_capacity() - self.0.send_queue() } else { 0 }
    }

    fn send(&mut self, bytes: &[u8]) -> usize {
        self.0.send_slice(bytes).unwrap_or(0)
    }
}
