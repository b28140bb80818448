//! The two loops of a load: closed, and open.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};
use rand::{Rng as _, SeedableRng};
use trials::latency::hdr_histogram;
use trials::workload::{Arrivals, Keys, Purpose, Rng, UniformKeys, ZipfKeys, derive};

use super::client::{Answer, Client, Waiting};
use super::flags::{LoadFlags, unreached};
use super::values::{push_key, push_value};
use crate::net::Wire;

/// So long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Requests that a connection sends at a time to store all keys.
const FILL_DEPTH: usize = 64;

/// What came out.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    /// Requests that read.
    pub(super) reads: u64,
    /// Requests to store.
    pub(super) stores: u64,
    /// Those of them that were not refused.
    pub(super) stored: u64,
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) wrong: u64,
    pub(super) errors: u64,
    /// Requests that were due, in an open loop.
    pub(super) due: u64,
    /// Requests that were due and not answered when patience had ended.
    pub(super) unanswered: u64,
    /// Of what was answered.
    pub(super) read_times: RequestTimes,
    pub(super) store_times: RequestTimes,
}

/// Times of requests that were due, in nanoseconds. In a closed loop all are, when they are sent, but for stores of
/// what was missed.
#[derive(Clone, Debug)]
pub(super) struct RequestTimes {
    /// From when they were due.
    pub(super) response: Histogram<u64>,
    /// From when they were sent.
    pub(super) service: Histogram<u64>,
}

impl Default for RequestTimes {
    fn default() -> Self {
        Self { response: hdr_histogram(), service: hdr_histogram() }
    }
}

impl RequestTimes {
    pub(super) fn add(&mut self, other: &Self) {
        // All have the same bounds.
        self.response.add(&other.response).expect("the bounds are the same");
        self.service.add(&other.service).expect("the bounds are the same");
    }
}

impl Outcomes {
    pub(super) fn merge(&mut self, other: &Self) {
        self.reads += other.reads;
        self.stores += other.stores;
        self.stored += other.stored;
        self.hits += other.hits;
        self.misses += other.misses;
        self.wrong += other.wrong;
        self.errors += other.errors;
        self.due += other.due;
        self.unanswered += other.unanswered;
        self.read_times.add(&other.read_times);
        self.store_times.add(&other.store_times);
    }

    /// Keys that were read and stored.
    pub(super) fn keys(&self) -> u64 {
        self.hits + self.misses + self.wrong + self.stored
    }

    /// Requests to store that were refused.
    pub(super) fn refused_stores(&self) -> u64 {
        self.stores - self.stored
    }

    /// Requests that read and were refused.
    pub(super) fn refused_reads(&self) -> u64 {
        self.errors - self.refused_stores()
    }

    /// The times of all requests.
    pub(super) fn times(&self) -> RequestTimes {
        let mut all = self.read_times.clone();
        all.add(&self.store_times);
        all
    }

    fn count(&mut self, waiting: &Waiting, answer: &Answer, now: u64) {
        let (kind, times) = match waiting.keys {
            Some(_) => (&mut self.reads, &mut self.read_times),
            None => (&mut self.stores, &mut self.store_times),
        };
        *kind += 1;
        if let Some(due) = waiting.due {
            times.response.saturating_record(now.saturating_sub(due).max(1));
            times.service.saturating_record(now.saturating_sub(waiting.sent).max(1));
        }
        self.hits += answer.hits;
        self.misses += answer.missed.len() as u64;
        self.wrong += answer.wrong;
        self.errors += answer.errors;
        self.stored += u64::from(waiting.keys.is_none() && answer.errors == 0);
    }
}

/// What is asked next.
#[derive(Debug)]
struct Draw {
    rng: Rng,
    keys: Box<dyn Keys>,
    /// Of 2⁶⁴, those that read.
    reads: u128,
    multiget: usize,
}

/// A request.
enum Wanted {
    Read(Vec<u64>),
    Store(u64),
}

impl Draw {
    fn new(flags: &LoadFlags, thread: usize) -> Self {
        let keys: Box<dyn Keys> = if flags.zipf > 0.0 {
            let seed = derive(flags.seed, Purpose::Scatter, 0);
            Box::new(ZipfKeys::new(flags.keys, flags.zipf, seed))
        } else {
            Box::new(UniformKeys::new(flags.keys))
        };
        Self {
            rng: Rng::seed_from_u64(derive(
                flags.seed,
                Purpose::Stream,
                flags.stream(thread) as u64,
            )),
            keys,
            reads: (flags.reads / 100.0 * 2_f64.powi(64)) as u128,
            multiget: flags.multiget(),
        }
    }

    fn next(&mut self) -> Wanted {
        if u128::from(self.rng.next_u64()) < self.reads {
            let Self { rng, keys, .. } = self;
            return Wanted::Read((0..self.multiget).map(|_| keys.next_key(rng)).collect());
        }
        Wanted::Store(self.keys.next_key(&mut self.rng))
    }
}

/// A thread's connections, and what it asks of them.
#[derive(Debug)]
pub(super) struct Driver<'f> {
    flags: &'f LoadFlags,
    thread: usize,
    poll: Poll,
    connections: Vec<(Wire, Client)>,
    draw: Draw,
    outcomes: Outcomes,
    began: Instant,
    /// Of the next value that is stored.
    version: u32,
    room: Vec<u8>,
    value: Vec<u8>,
}

impl<'f> Driver<'f> {
    /// Connects. The server has accepted all connections then.
    pub(super) fn new(flags: &'f LoadFlags, thread: usize) -> io::Result<Self> {
        let (poll, target) = (Poll::new()?, flags.target()?);
        let connections = (0..flags.connections_of(thread)).map(|number| {
            let mut stream = Wire::connect(&target).map_err(|error| unreached(&target, &error))?;
            stream.register(poll.registry(), Token(number))?;
            Ok((stream, Client::default()))
        });
        let driver = Self {
            connections: connections.collect::<io::Result<_>>()?,
            flags,
            thread,
            poll,
            draw: Draw::new(flags, thread),
            outcomes: Outcomes::default(),
            began: Instant::now(),
            version: thread as u32,
            room: vec![0; 64 << 10],
            value: Vec::new(),
        };
        driver.accepted()
    }

    /// Waits until each connection is answered, whatever it is told.
    fn accepted(mut self) -> io::Result<Self> {
        for (_, client) in &mut self.connections {
            client.out.extend_from_slice(b"version\r\n");
            client.waiting.push_back(Waiting { keys: None, due: None, sent: 0 });
        }
        let all = self.flags.connections();
        self.closed(0, |_| None).map_err(|error| {
            let words = format!(
                "a new connection has ended: {error}. Does the server take {all} (its -c)?"
            );
            io::Error::new(error.kind(), words)
        })?;
        match mem::take(&mut self.outcomes).unanswered {
            0 => Ok(self),
            some => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{some} connections are not answered"),
            )),
        }
    }

    /// Stores every key, and returns how many of them were refused.
    pub(super) fn fill(mut self) -> io::Result<u64> {
        let mut keys = 0..self.flags.keys;
        self.closed(FILL_DEPTH, |_| keys.next().map(Wanted::Store))?;
        match self.outcomes.unanswered {
            0 => Ok(self.outcomes.errors),
            some => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("of the stores of all keys {some} are unanswered"),
            )),
        }
    }

    /// Runs the loop that was asked for. The connections stay.
    pub(super) fn run(&mut self) -> io::Result<Outcomes> {
        self.began = Instant::now();
        match self.flags.rate {
            Some(rate) => self.open(rate)?,
            None => {
                let (began, seconds) = (self.began, self.flags.seconds);
                let mut left = self.flags.least_requests();
                self.closed(self.flags.depth(), |draw| {
                    let goes_on = left > 0 || began.elapsed().as_secs_f64() < seconds;
                    left = left.saturating_sub(1);
                    goes_on.then(|| draw.next())
                })?;
            }
        }
        Ok(mem::take(&mut self.outcomes))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Lets each connection send `depth` requests, and more when they are answered, until there are none.
    fn closed(
        &mut self,
        depth: usize,
        mut next: impl FnMut(&mut Draw) -> Option<Wanted>,
    ) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        for number in 0..self.connections.len() {
            self.send_batch(number, depth, &mut next)?;
        }
        while self.waiting() > 0 {
            self.wait(&mut events, PATIENCE)?;
            if events.is_empty() {
                self.outcomes.unanswered = self.waiting();
                return Ok(());
            }
            for event in &events {
                let number = event.token().0;
                self.answers(number)?;
                if self.connections[number].1.waiting.is_empty() {
                    self.send_batch(number, depth, &mut next)?;
                }
            }
        }
        Ok(())
    }

    fn send_batch(
        &mut self,
        number: usize,
        depth: usize,
        next: &mut impl FnMut(&mut Draw) -> Option<Wanted>,
    ) -> io::Result<()> {
        let now = self.now();
        for _ in 0..depth {
            let Some(wanted) = next(&mut self.draw) else { break };
            self.ask(number, wanted, Some(now), now);
        }
        self.send(number)
    }

    /// Sends what a connection takes of what is to be sent.
    fn send(&mut self, number: usize) -> io::Result<()> {
        let (stream, client) = &mut self.connections[number];
        client.send(stream)?;
        stream.await_room(self.poll.registry(), Token(number), !client.out.is_empty())
    }

    /// Sends each request when it is due.
    fn open(&mut self, rate: f64) -> io::Result<()> {
        let of_thread = rate * self.connections.len() as f64 / self.flags.connections() as f64;
        let (seed, seconds) = (self.flags.seed, self.flags.seconds);
        let stream = self.flags.stream(self.thread);
        let mut due = Arrivals::new(seed, stream, of_thread, seconds).peekable();
        let end = (seconds * 1e9) as u64 + PATIENCE.as_nanos() as u64;
        let mut events = Events::with_capacity(1024);
        let mut turn = 0;
        loop {
            let now = self.now();
            while let Some(due) = due.next_if(|&due| due <= now) {
                let wanted = self.draw.next();
                self.outcomes.due += 1;
                self.ask(turn, wanted, Some(due), self.now());
                self.send(turn)?;
                turn = (turn + 1) % self.connections.len();
            }
            if due.peek().is_none() && self.waiting() == 0 {
                return Ok(());
            }
            if now > end {
                let left = due.count() as u64;
                self.outcomes.due += left;
                let due = self.connections.iter().map(|(_, client)| client.waiting_due());
                self.outcomes.unanswered = due.sum::<u64>() + left;
                return Ok(());
            }
            // The system waits whole milliseconds, and up to one more. To send took some time, too.
            let until = due.peek().map_or(10_000_000, |&due| due.saturating_sub(self.now()));
            let wait = Duration::from_millis((until / 1_000_000).saturating_sub(1).min(10));
            self.wait(&mut events, wait)?;
            for event in &events {
                self.answers(event.token().0)?;
            }
        }
    }

    /// Waits for events. One who was stopped meanwhile, and goes on, waits again.
    fn wait(&mut self, events: &mut Events, at_most: Duration) -> io::Result<()> {
        loop {
            match self.poll.poll(events, Some(at_most)) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    fn waiting(&self) -> u64 {
        self.connections.iter().map(|(_, client)| client.waiting.len() as u64).sum()
    }

    /// Puts a request into what is to be sent.
    fn ask(&mut self, number: usize, wanted: Wanted, due: Option<u64>, sent: u64) {
        let out = &mut self.connections[number].1.out;
        let keys = match wanted {
            Wanted::Read(keys) => {
                out.extend_from_slice(if self.flags.meta { b"mg" } else { b"get" });
                for &key in &keys {
                    out.push(b' ');
                    push_key(key, out);
                }
                out.extend_from_slice(if self.flags.meta { b" v\r\n" } else { b"\r\n" });
                Some(keys)
            }
            Wanted::Store(key) => {
                let bytes = self.flags.value_bytes();
                out.extend_from_slice(if self.flags.meta { b"ms " } else { b"set " });
                push_key(key, out);
                let middle = if self.flags.meta { " " } else { " 0 0 " };
                out.extend_from_slice(format!("{middle}{bytes}\r\n").as_bytes());
                push_value(key, self.version, bytes, out);
                out.extend_from_slice(b"\r\n");
                // No two threads have a version in common.
                self.version = self.version.wrapping_add(self.flags.threads() as u32);
                None
            }
        };
        self.connections[number].1.waiting.push_back(Waiting { keys, due, sent });
    }

    /// Takes what a connection was answered, and sends what it could not send before.
    fn answers(&mut self, number: usize) -> io::Result<()> {
        self.send(number)?;
        let bytes = self.flags.value_bytes();
        let (stream, client) = &mut self.connections[number];
        client.receive(stream, &mut self.room)?;
        let mut missed = Vec::new();
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        while let Some((waiting, answer)) = client.answered(bytes, &mut self.value)? {
            self.outcomes.count(&waiting, &answer, now);
            missed.extend(answer.missed);
        }
        if self.flags.look_aside && !missed.is_empty() {
            for key in missed {
                self.ask(number, Wanted::Store(key), None, now);
            }
            self.send(number)?;
        }
        Ok(())
    }
}
