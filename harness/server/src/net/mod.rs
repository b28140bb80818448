//! Sockets: one thread accepts connections and deals them out, each worker has an event loop.
//!
//! A connection stays with its worker, as in memcached, so no lock is taken for it and a cache's handle is of
//! one thread. No thread waits for a client: who does not read what was asked for has its own requests wait.
//!
//! | file | holds |
//! | --- | --- |
//! | `sockets` | TCP and Unix sockets alike |
//! | `connection` | a socket with its conversation, and what is in transit |
//! | `wake` | what wakes a thread that waits |
//! | `worker` | an event loop |
//! | `acceptor` | who comes in, and what is to be done once a second |

mod acceptor;
mod connection;
mod sockets;
mod wake;
mod worker;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use self::acceptor::Acceptor;
pub(crate) use self::sockets::Wire;
pub use self::sockets::{Listener, Place};
pub(crate) use self::wake::{WAKER, waker};
use self::worker::{Inbox, Worker};
use crate::service::Service;

/// What belongs to sockets alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// After how long without a request a connection is closed that does not read replies either.
    pub idle: Option<Duration>,
    /// Whether one connection too many is told so and closed; else it waits until another ends.
    pub rejects: bool,
}

/// Stops the server when one of its threads ends, also in a panic: who is dealt to a worker that has gone would wait for
/// ever.
struct StopsAll(Arc<Service>);

impl Drop for StopsAll {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// A server that runs in threads of its own.
#[derive(Debug)]
pub struct Server {
    service: Arc<Service>,
    threads: Vec<thread::JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Starts the server of `service` on `listeners`.
    ///
    /// # Errors
    ///
    /// The system gives no event queue or no thread.
    pub fn start(
        service: Arc<Service>,
        listeners: Vec<Listener>,
        policy: &Policy,
    ) -> io::Result<Self> {
        let mut inboxes: Vec<Arc<Inbox>> = Vec::new();
        let mut threads = Vec::new();
        for number in 0..service.settings.threads {
            let (mut worker, inbox) = Worker::new(service.clone(), number, policy.idle)?;
            inboxes.push(inbox);
            let end = StopsAll(service.clone());
            let run = move || {
                let _end = end;
                worker.run()
            };
            let name = format!("worker-{number}");
            threads.push(thread::Builder::new().name(name).spawn(run)?);
        }
        let mut acceptor = Acceptor::new(service.clone(), listeners, inboxes, policy.rejects)?;
        let end = StopsAll(service.clone());
        let run = move || {
            // It drops before the acceptor, which then wakes the workers.
            let _end = end;
            acceptor.run()
        };
        threads.push(thread::Builder::new().name("acceptor".to_owned()).spawn(run)?);
        Ok(Self { service, threads })
    }

    /// Waits until the server has stopped: somebody has called [`Service::stop`].
    ///
    /// # Errors
    ///
    /// A thread has met what it could not go on with.
    ///
    /// # Panics
    ///
    /// If a thread has.
    pub fn wait(self) -> io::Result<()> {
        let ended: Vec<_> = self
            .threads
            .into_iter()
            .map(|thread| thread.join().expect("no thread of the server panics"))
            .collect();
        ended.into_iter().collect()
    }

    /// The server's part that is no socket.
    #[must_use]
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }
}
