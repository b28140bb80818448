//! What a server that evicts nothing says, and keeps, when it has no memory.

mod common;
mod packets;

use std::sync::Arc;

use common::{PLENTY, service, settings, talk};
use packets::{packet, replies};
use server::service::{Service, Settings};

/// With a digit it fits the smallest chunk, with twenty it does not.
const KEY: &str = "twenty-bytes-of-a-key";

/// A server of two pages: one has small items, all of one size, and the other is full of large ones.
fn full(store: &str) -> Arc<Service> {
    let here = service(Settings { bytes: 2 << 20, ..settings(store, "none") });
    let value = "v".repeat(400_000);
    let large = value.as_str();
    for key in [KEY, "b", "c", "f"] {
        assert_eq!(ask(&here, &storing("set", key, "5", "")), "STORED\r\n", "{store}: {key}");
    }
    for key in ["d", "e"] {
        assert_eq!(ask(&here, &storing("set", key, large, "")), "STORED\r\n", "{store}: {key}");
    }
    here
}

fn ask(here: &Service, asked: &str) -> String {
    let (said, _) = talk(here, [asked.as_bytes()], PLENTY);
    String::from_utf8(said).unwrap()
}

/// A command that stores a value; the line has `rest` behind its length.
fn storing(command: &str, key: &str, value: &str, rest: &str) -> String {
    format!("{command} {key} 0 0 {}{rest}\r\n{value}\r\n", value.len())
}

#[test]
fn what_finds_no_memory_leaves_what_was_there_unless_it_is_a_set() {
    const NO_MEMORY: &str = "SERVER_ERROR out of memory storing object\r\n";
    let more = "v".repeat(100);
    for store in ["memc3", "sharded"] {
        let here = full(store);
        let found = |key: &str| ask(&here, &format!("get {key}\r\n"));
        let kept = format!("VALUE {KEY} 0 1\r\n5\r\nEND\r\n");
        for (command, rest) in [("append", ""), ("prepend", ""), ("replace", ""), ("cas", " 1")] {
            let said = ask(&here, &storing(command, KEY, &more, rest));
            assert_eq!((said.as_str(), &found(KEY)), (NO_MEMORY, &kept), "{store}: {command}");
        }
        let said = ask(&here, &format!("incr {KEY} {}\r\n", u64::MAX - 5));
        assert_eq!((said.as_str(), &found(KEY)), ("SERVER_ERROR out of memory\r\n", &kept));
        for (key, set) in [
            (KEY, format!("ms {KEY} 100 c\r\n{more}\r\n")),
            ("b", storing("set", "b", &more, "")),
            ("f", format!("ms f 100 MR\r\n{more}\r\n")),
        ] {
            let said = ask(&here, &set);
            assert_eq!((said.as_str(), found(key).as_str()), (NO_MEMORY, "END\r\n"), "{store}");
        }
        assert_eq!(found("c"), "VALUE c 0 1\r\n5\r\nEND\r\n");
    }
}

/// The same of the binary protocol.
#[test]
fn a_packet_that_finds_no_memory_leaves_what_was_there_unless_it_is_a_set() {
    let more = [b'v'; 100];
    let delta = u64::MAX - 5;
    let numbers = [&delta.to_be_bytes()[..], &[0; 12]].concat();
    // Replace, Append, Prepend; and an Increment, whose sum has twenty digits.
    let leaving: [(u8, &[u8], &[u8]); 4] =
        [(0x03, &[0; 8], &more), (0x0e, b"", &more), (0x0f, b"", &more), (0x05, &numbers, b"")];
    for store in ["memc3", "sharded"] {
        let here = full(store);
        let status = |opcode: u8, extras: &[u8], value: &[u8]| {
            let asked = packet(opcode, extras, KEY.as_bytes(), value, 0);
            let said = replies(&talk(&here, [&asked[..]], PLENTY).0);
            said.iter().map(|reply| reply.status).collect::<Vec<_>>()
        };
        let found = || ask(&here, &format!("get {KEY}\r\n"));
        let kept = format!("VALUE {KEY} 0 1\r\n5\r\nEND\r\n");
        for (opcode, extras, value) in leaving {
            let status = status(opcode, extras, value);
            assert_eq!((status, found()), (vec![0x82], kept.clone()), "{store}: {opcode:#x}");
        }
        let status = status(0x01, &[0; 8], &more);
        assert_eq!((status, found()), (vec![0x82], "END\r\n".to_owned()), "{store}");
    }
}
