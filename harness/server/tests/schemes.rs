//! A server whose items a reclaimer frees.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{service, settings};
use server::net::{Listener, Place, Policy, Server};
use server::service::Settings;

/// Each event loop is a thread that the scheme waits for. One of two has nobody to serve.
#[test]
fn an_event_loop_that_waits_holds_nothing_up() {
    let service = service(Settings { threads: 2, ..settings("over-map-qsbr", "clock") });
    let listener = Listener::bind(&Place::Tcp("127.0.0.1:0".parse().unwrap())).unwrap();
    let Place::Tcp(address) = *listener.place() else { panic!("it is a port") };
    let server = Server::start(service.clone(), vec![listener], &Policy::default()).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    // Each takes the place of the one before, which is to be freed.
    let stored = format!("set a 0 0 10000 noreply\r\n{}\r\n", "v".repeat(10_000));
    for _ in 0..3000 {
        stream.write_all(stored.as_bytes()).unwrap();
    }
    stream.write_all(b"mn\r\n").unwrap();
    let mut said = [0; 4];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(said, *b"MN\r\n");
    let stats = service.cache().stats();
    service.stop();
    server.wait().unwrap();
    assert!(stats.items == 1 && stats.held < 8 << 20, "{stats:?}");
}
