//! What a server that evicts nothing says, and keeps, when it has no memory.

mod common;
mod packets;

use std::sync::Arc;

use common::{PLENTY, service, settings, talk};
use packets::{packet, replies};
use server::service::{Service, Settings};

/// With a digit it fits the smallest chunk, with twenty it does not.
const KEY: &str = "twenty-bytes-of-a-key";

/// One as long that is not there.
const OTHER: &str = "twenty-bytes-in-a-key";

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
        for (command, rest) in [("replace", ""), ("cas", " 1")] {
            let said = ask(&here, &storing(command, KEY, &more, rest));
            assert_eq!((said.as_str(), &found(KEY)), (NO_MEMORY, &kept), "{store}: {command}");
        }
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

/// In memcached's words, which for what is joined to a value are not those for a value.
#[test]
fn what_is_added_to_finds_no_memory_and_stays() {
    let more = "v".repeat(100);
    let most = u64::MAX;
    for store in ["memc3", "sharded"] {
        let here = full(store);
        let kept = format!("VALUE {KEY} 0 1\r\n5\r\nEND\r\n");
        for (asked, words) in [
            (storing("append", KEY, &more, ""), "NOT_STORED"),
            (storing("prepend", KEY, &more, ""), "NOT_STORED"),
            (format!("ms {KEY} 100 MA c Oo\r\n{more}\r\n"), "NS c0 Oo"),
            (format!("ms {KEY} 100 MP q\r\n{more}\r\n"), "NS"),
            (format!("incr {KEY} {}\r\n", most - 5), "SERVER_ERROR out of memory"),
            (format!("ma {KEY} D{} q\r\n", most - 5), "SERVER_ERROR out of memory"),
            (
                format!("ma {OTHER} N0 J{most} q\r\n"),
                "SERVER_ERROR Out of memory allocating new item",
            ),
        ] {
            let said = ask(&here, &asked);
            assert_eq!(said, format!("{words}\r\n"), "{store}: {asked}");
            assert_eq!(ask(&here, &format!("get {KEY} {OTHER}\r\n")), kept, "{store}: {asked}");
        }
    }
}

/// What a packet has, its opcode, extras, key and value, and how it is refused.
type Refused<'p> = (u8, &'p [u8], &'p str, &'p [u8], (u16, &'p str));

/// The same of the binary protocol.
#[test]
fn a_packet_that_finds_no_memory_leaves_what_was_there_unless_it_is_a_set() {
    const NO_ITEM: (u16, &str) = (0x82, "Out of memory allocating item");
    let more = [b'v'; 100];
    let delta = u64::MAX - 5;
    let numbers = [&delta.to_be_bytes()[..], &[0; 12]].concat();
    let made = [&[0_u8; 8][..], &[0xff; 8], &[0; 4]].concat();
    for store in ["memc3", "sharded"] {
        let here = full(store);
        let said = |opcode: u8, extras: &[u8], key: &str, value: &[u8]| {
            let asked = packet(opcode, extras, key.as_bytes(), value, 0);
            let mut said = replies(&talk(&here, [&asked[..]], PLENTY).0);
            assert_eq!(said.len(), 1, "{store}: {opcode:#x}");
            let reply = said.remove(0);
            (reply.status, String::from_utf8(reply.value).unwrap())
        };
        let found = || ask(&here, &format!("get {KEY} {OTHER}\r\n"));
        let kept = format!("VALUE {KEY} 0 1\r\n5\r\nEND\r\n");
        // Replace, Append, Prepend; and Increments, whose sums have twenty digits.
        let leaving: [Refused<'_>; 5] = [
            (0x03, &[0; 8], KEY, &more, NO_ITEM),
            (0x0e, b"", KEY, &more, (0x05, "Not stored.")),
            (0x0f, b"", KEY, &more, (0x05, "Not stored.")),
            (0x05, &numbers, KEY, b"", (0x82, "Out of memory incrementing value")),
            (0x05, &made, OTHER, b"", (0x82, "Out of memory allocating new item")),
        ];
        for (opcode, extras, key, value, (status, words)) in leaving {
            let expected = (status, words.to_owned());
            assert_eq!(said(opcode, extras, key, value), expected, "{store}: {opcode:#x}");
            assert_eq!(found(), kept, "{store}: {opcode:#x}");
        }
        let (status, words) = NO_ITEM;
        assert_eq!(said(0x01, &[0; 8], KEY, &more), (status, words.to_owned()), "{store}");
        assert_eq!(found(), "END\r\n", "{store}");
    }
}
