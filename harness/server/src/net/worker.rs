//! An event loop.

use std::io;
use std::mem;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};

use super::connection::{Connection, Turn};
use super::sockets::Wire;
use super::wake::{WAKER, waker};
use crate::service::{Desk, Service};
use crate::tally::ServerCount;

/// How much is read at once, in bytes.
const READ: usize = 64 << 10;

/// How long a server that is asked to stop waits for who does not read.
const DRAIN: Duration = Duration::from_secs(5);

/// How often connections are looked at that may have been silent for too long.
const LOOK: Duration = Duration::from_secs(1);

/// What comes to a worker from others.
#[derive(Debug)]
pub(super) struct Inbox {
    streams: Mutex<Vec<Wire>>,
    waker: Waker,
}

impl Inbox {
    /// Gives the worker a connection.
    pub(super) fn put(&self, stream: Wire) {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner).push(stream);
        self.wake();
    }

    /// Lets the worker look whether it is to stop.
    pub(super) fn wake(&self) {
        // A full pipe wakes as well.
        let _ = self.waker.wake();
    }

    fn take(&self) -> Vec<Wire> {
        mem::take(&mut self.streams.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A thread's event loop.
#[derive(Debug)]
pub(super) struct Worker {
    service: Arc<Service>,
    number: usize,
    idle: Option<Duration>,
    poll: Poll,
    inbox: Arc<Inbox>,
    /// By token.
    connections: Vec<Option<Connection>>,
    /// Tokens that no connection has.
    free: Vec<usize>,
    /// Tokens of connections that go on without an event.
    going_on: Vec<usize>,
}

impl Worker {
    pub(super) fn new(
        service: Arc<Service>,
        number: usize,
        idle: Option<Duration>,
    ) -> io::Result<(Self, Arc<Inbox>)> {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox { streams: Mutex::default(), waker: waker(&poll)? });
        let worker = Self {
            service,
            number,
            idle,
            poll,
            inbox: inbox.clone(),
            connections: Vec::new(),
            free: Vec::new(),
            going_on: Vec::new(),
        };
        Ok((worker, inbox))
    }

    /// Serves until the server is to stop, and everything is answered.
    pub(super) fn run(&mut self) -> io::Result<()> {
        let service = self.service.clone();
        let mut desk = service.desk(self.number);
        let mut room = vec![0; READ];
        let mut events = Events::with_capacity(1024);
        let mut last_look = Instant::now();
        while !service.is_stopping() {
            self.wait(&mut desk, &mut events, self.idle.map(|_| LOOK))?;
            self.serve(&events, &mut desk, &mut room);
            if let Some(idle) = self.idle
                && last_look.elapsed() >= LOOK
            {
                self.close_idle(idle, &desk);
                last_look = Instant::now();
            }
            desk.tidy();
        }
        self.drain(&mut events, &mut desk, &mut room)
    }

    fn wait(
        &mut self,
        desk: &mut Desk<'_>,
        events: &mut Events,
        most: Option<Duration>,
    ) -> io::Result<()> {
        let timeout = if self.going_on.is_empty() { most } else { Some(Duration::ZERO) };
        let mut polled = Ok(());
        // A reclaimer may wait for all threads, and nobody knows for how long this one waits.
        desk.handle.offline(&mut || polled = self.poll.poll(events, timeout));
        match polled {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    fn serve(&mut self, events: &Events, desk: &mut Desk<'_>, room: &mut [u8]) {
        let now = Instant::now();
        let going_on = mem::take(&mut self.going_on);
        for event in events {
            if event.token() == WAKER {
                self.let_in(now, desk, room);
            } else if let Some(Some(connection)) = self.connections.get_mut(event.token().0) {
                connection.notice(event);
                // One that reads what it has asked for, however slowly, is not silent.
                if event.is_readable() || event.is_writable() {
                    connection.asked = now;
                }
                self.turn(event.token().0, desk, room);
            }
        }
        for token in going_on {
            self.turn(token, desk, room);
        }
    }

    /// Takes on who was sent here.
    fn let_in(&mut self, now: Instant, desk: &mut Desk<'_>, room: &mut [u8]) {
        for stream in self.inbox.take() {
            let token = self.free.pop().unwrap_or(self.connections.len());
            let mut connection = Connection::new(stream, now);
            let registered = connection.stream.register(self.poll.registry(), Token(token));
            if token == self.connections.len() {
                self.connections.push(None);
            }
            if registered.is_err() {
                self.free.push(token);
                self.service.current.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            self.connections[token] = Some(connection);
            self.turn(token, desk, room);
        }
    }

    /// Lets a connection go on.
    fn turn(&mut self, token: usize, desk: &mut Desk<'_>, room: &mut [u8]) {
        let Some(Some(connection)) = self.connections.get_mut(token) else { return };
        match connection.turn(desk, room) {
            Turn::Waits => {
                let (registry, unwritten) = (self.poll.registry(), connection.has_unwritten());
                if connection.stream.await_room(registry, Token(token), unwritten).is_err() {
                    // Nobody would tell it when to go on.
                    self.abort(token);
                }
            }
            Turn::GoesOn if self.going_on.contains(&token) => {}
            Turn::GoesOn => self.going_on.push(token),
            Turn::Ended => self.close(token),
        }
    }

    /// Closes a connection, of which nothing is in transit.
    fn close(&mut self, token: usize) {
        if self.connections[token].take().is_some() {
            self.free.push(token);
            // Relaxed: a count. The acceptor may see it late, and then lets one in later.
            self.service.current.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn abort(&mut self, token: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(token) {
            connection.give_back(&self.service);
        }
        self.close(token);
    }

    fn close_idle(&mut self, idle: Duration, desk: &Desk<'_>) {
        for token in 0..self.connections.len() {
            if self.connections[token].as_ref().is_some_and(|one| one.asked.elapsed() >= idle) {
                desk.counts.add(ServerCount::IdleKicks, 1);
                self.abort(token);
            }
        }
    }

    /// Answers what has come in, and waits a while until it is read.
    fn drain(
        &mut self,
        events: &mut Events,
        desk: &mut Desk<'_>,
        room: &mut [u8],
    ) -> io::Result<()> {
        let end = Instant::now() + DRAIN;
        self.let_in(Instant::now(), desk, room);
        for token in 0..self.connections.len() {
            if let Some(Some(connection)) = self.connections.get_mut(token) {
                connection.look_again();
            }
            self.turn(token, desk, room);
        }
        loop {
            self.close_what_rests();
            let left = end.saturating_duration_since(Instant::now());
            if self.connections.iter().all(Option::is_none) || left.is_zero() {
                return Ok(());
            }
            self.wait(desk, events, Some(left))?;
            self.serve(events, desk, room);
        }
    }

    fn close_what_rests(&mut self) {
        for token in 0..self.connections.len() {
            let rests = self.connections[token].as_ref().is_some_and(Connection::is_at_rest);
            if rests && !self.going_on.contains(&token) {
                self.abort(token);
            }
        }
    }
}
