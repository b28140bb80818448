//! Clients of others, which know nothing of this server, against the program: `memcache` by the text protocol, by the
//! binary one and by meta commands, `async-memcached` by text and by meta commands.

mod asynchronous;
mod binary;
mod meta;
mod model;
#[path = "../running/mod.rs"]
mod running;
mod text;

use std::process::Command;

use nix::sys::signal::{Signal, kill};
use running::{PROGRAM, Running, started};
use tempfile::TempDir;

/// What a client is connected by.
#[derive(Clone, Copy, Debug)]
enum Over {
    Tcp,
    Unix,
}

impl Over {
    const BOTH: [Self; 2] = [Self::Tcp, Self::Unix];
}

/// The program, and where clients find it.
struct Server {
    running: Running,
    over: Over,
    /// An address and port, or the path of a socket.
    place: String,
    /// That of the socket.
    _folder: TempDir,
}

impl Server {
    /// With memory for all that a test stores: nothing goes before its time.
    fn new(over: Over) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(PROGRAM);
        command.args(["serve", "-m", "256", "-t", "2"]);
        match over {
            Over::Tcp => command.args(["-p", "0"]),
            Over::Unix => command.arg("-s").arg(folder.path().join("socket")),
        };
        let (running, place, _) = started(command);
        Self { running, over, place, _folder: folder }
    }

    /// Ends it, as it ends by itself when its clients have been answered.
    fn end(mut self) {
        kill(self.running.id(), Signal::SIGTERM).unwrap();
        assert!(self.running.end().success());
    }
}
