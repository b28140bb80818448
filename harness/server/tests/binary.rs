//! The binary protocol: what each command answers, and what is wrong with packets.

mod common;
mod packets;

use std::sync::Arc;

use cache::store::Config;
use common::{PLENTY, service, settings, talk};
use packets::{Reply, packet, replies};
use server::protocol::Protocol;
use server::service::{Service, Settings};
use server::tally::ServerCount;

const NOT_FOUND: (u16, &str) = (0x01, "Not found");
const EXISTS: (u16, &str) = (0x02, "Data exists for key.");
const TOO_LARGE: (u16, &str) = (0x03, "Too large.");
const BAD: (u16, &str) = (0x04, "Invalid arguments");
const NOT_STORED: (u16, &str) = (0x05, "Not stored.");
const NOT_NUMERIC: (u16, &str) = (0x06, "Non-numeric server-side value for incr or decr");
const DENIED: (u16, &str) = (0x20, "Auth failure.");
const UNKNOWN: (u16, &str) = (0x81, "Unknown command");

fn here() -> Arc<Service> {
    service(settings("memc3", "clock"))
}

/// What is answered to packets on a connection of their own, and whether that is then at its end.
fn tell(here: &Service, packets: &[Vec<u8>]) -> (Vec<Reply>, bool) {
    let (said, is_over) = talk(here, [&packets.concat()[..]], PLENTY);
    (replies(&said), is_over)
}

/// The one reply to a packet.
fn ask(here: &Service, packet: Vec<u8>) -> Reply {
    let (mut all, is_over) = tell(here, &[packet]);
    assert!(!is_over && all.len() == 1, "{all:?}");
    all.remove(0)
}

/// That a packet is answered by nothing.
#[track_caller]
fn assert_silent(here: &Service, packet: Vec<u8>) {
    assert_eq!(tell(here, &[packet]), (Vec::new(), false));
}

/// That a packet is answered by these words.
#[track_caller]
fn assert_refused(here: &Service, packet: Vec<u8>, (status, words): (u16, &str)) {
    let opcode = packet[1];
    let expected = Reply {
        opcode,
        status,
        extras: Vec::new(),
        key: Vec::new(),
        value: words.as_bytes().to_vec(),
        cas: 0,
    };
    assert_eq!(ask(here, packet), expected);
}

/// That a packet is answered by nothing but that it is done; the CAS number.
#[track_caller]
fn assert_done(here: &Service, packet: Vec<u8>) -> u64 {
    let opcode = packet[1];
    let reply = ask(here, packet);
    let (extras, key, value) = (Vec::new(), Vec::new(), Vec::new());
    assert_eq!(reply, Reply { opcode, status: 0, extras, key, value, cas: reply.cas });
    reply.cas
}

/// `Set` and its kin, with flags and seconds.
fn storing(
    opcode: u8,
    key: &[u8],
    value: &[u8],
    (flags, seconds): (u32, u32),
    cas: u64,
) -> Vec<u8> {
    let extras = [flags.to_be_bytes(), seconds.to_be_bytes()].concat();
    packet(opcode, &extras, key, value, cas)
}

fn set(key: &[u8], value: &[u8]) -> Vec<u8> {
    storing(0x01, key, value, (0, 0), 0)
}

/// `Increment` and its kin.
fn counting(
    opcode: u8,
    key: &[u8],
    (delta, initial): (u64, u64),
    seconds: u32,
    cas: u64,
) -> Vec<u8> {
    let numbers = [delta.to_be_bytes(), initial.to_be_bytes()].concat();
    packet(opcode, &[&numbers[..], &seconds.to_be_bytes()].concat(), key, b"", cas)
}

fn get(key: &[u8]) -> Vec<u8> {
    packet(0x00, b"", key, b"", 0)
}

/// The value of a key, and its flags.
fn value(here: &Service, key: &[u8]) -> Option<(String, u32)> {
    let reply = ask(here, get(key));
    let flags = || u32::from_be_bytes(reply.extras[..].try_into().unwrap());
    (reply.status == 0).then(|| (String::from_utf8_lossy(&reply.value).into_owned(), flags()))
}

fn found(value: &str, flags: u32) -> Option<(String, u32)> {
    Some((value.to_owned(), flags))
}

/// What the text protocol answers.
fn line(here: &Service, line: &str) -> String {
    String::from_utf8(talk(here, [line.as_bytes()], PLENTY).0).unwrap()
}

#[test]
fn a_lookup_tells_what_is_wanted() {
    let here = here();
    let cas = assert_done(&here, storing(0x01, b"a", b"value", (7, 0), 0));
    assert_ne!(cas, 0);
    let seconds = 5_u32.to_be_bytes();
    // Get, GetQ, GetK, GetKQ, GAT, GATQ, GATK, GATKQ.
    let lookups: [(u8, &[u8], bool, bool); 8] = [
        (0x00, b"", false, false),
        (0x09, b"", false, true),
        (0x0c, b"", true, false),
        (0x0d, b"", true, true),
        (0x1d, &seconds, false, false),
        (0x1e, &seconds, false, true),
        (0x23, &seconds, true, false),
        (0x24, &seconds, true, true),
    ];
    for (opcode, extras, with_key, is_quiet) in lookups {
        let key = |key: &[u8]| if with_key { key.to_vec() } else { Vec::new() };
        let (flags, value) = (7_u32.to_be_bytes().to_vec(), b"value".to_vec());
        let expected = Reply { opcode, status: 0, extras: flags, key: key(b"a"), value, cas };
        assert_eq!(ask(&here, packet(opcode, extras, b"a", b"", 0)), expected);
        let missing = packet(opcode, extras, b"none", b"", 0);
        if is_quiet {
            assert_silent(&here, missing);
        } else if with_key {
            let (extras, value) = (Vec::new(), Vec::new());
            let expected = Reply { opcode, status: 1, extras, key: key(b"none"), value, cas: 0 };
            assert_eq!(ask(&here, missing), expected);
        } else {
            assert_refused(&here, missing, NOT_FOUND);
        }
    }
    assert_eq!(here.count(ServerCount::GetHits), 4);
    assert_eq!(here.count(ServerCount::TouchMisses), 4);
}

#[test]
fn a_touch_sets_when_a_key_expires() {
    let here = here();
    let cas = assert_done(&here, storing(0x01, b"a", b"value", (7, 100), 0));
    assert_eq!(line(&here, "mg a t\r\n"), "HD t100\r\n");
    let reply = ask(&here, packet(0x1c, &5_u32.to_be_bytes(), b"a", b"", 0));
    let expected = Reply {
        opcode: 0x1c,
        status: 0,
        extras: 7_u32.to_be_bytes().to_vec(),
        key: Vec::new(),
        value: Vec::new(),
        cas,
    };
    assert_eq!(reply, expected);
    assert_eq!(line(&here, "mg a t\r\n"), "HD t5\r\n");
    ask(&here, packet(0x1d, &6_u32.to_be_bytes(), b"a", b"", 0));
    assert_eq!(line(&here, "mg a t\r\n"), "HD t6\r\n");
    assert_refused(&here, packet(0x1c, &[0; 4], b"none", b"", 0), NOT_FOUND);
    // In 1970.
    ask(&here, packet(0x1c, &3_000_000_u32.to_be_bytes(), b"a", b"", 0));
    assert_eq!(value(&here, b"a"), None);
}

#[test]
fn a_key_is_stored_if_the_command_says_so() {
    let here = here();
    // Loud, and quiet.
    for (set, add, replace) in [(0x01, 0x02, 0x03), (0x11, 0x12, 0x13)] {
        let done = |packet: Vec<u8>| {
            if set == 0x01 {
                assert_ne!(assert_done(&here, packet), 0);
            } else {
                assert_silent(&here, packet);
            }
        };
        assert_refused(&here, storing(replace, b"a", b"0", (0, 0), 0), NOT_FOUND);
        done(storing(add, b"a", b"1", (1, 0), 0));
        assert_eq!(value(&here, b"a"), found("1", 1));
        assert_refused(&here, storing(add, b"a", b"2", (2, 0), 0), EXISTS);
        done(storing(replace, b"a", b"3", (3, 9), 0));
        assert_eq!(value(&here, b"a"), found("3", 3));
        assert_eq!(line(&here, "mg a t\r\n"), "HD t9\r\n");
        done(storing(set, b"a", b"", (u32::MAX, 0), 0));
        assert_eq!(value(&here, b"a"), found("", u32::MAX));
        if set == 0x01 {
            assert_eq!(assert_done(&here, packet(0x04, b"", b"a", b"", 0)), 0);
        } else {
            assert_silent(&here, packet(0x14, b"", b"a", b"", 0));
        }
        assert_eq!(value(&here, b"a"), None);
    }
    assert_refused(&here, packet(0x14, b"", b"a", b"", 0), NOT_FOUND);
    assert_eq!(here.count(ServerCount::CmdSet), 10);
    assert_eq!(here.count(ServerCount::TotalItems), 6);
}

#[test]
fn what_is_joined_keeps_flags() {
    let here = here();
    for (append, prepend, cas) in [(0x0e, 0x0f, true), (0x19, 0x1a, false)] {
        ask(&here, storing(0x01, b"a", b"b", (7, 0), 0));
        for (opcode, more) in [(append, b"c"), (prepend, b"a")] {
            let joined = packet(opcode, b"", b"a", more, 0);
            assert_refused(&here, packet(opcode, b"", b"none", more, 0), NOT_STORED);
            if cas {
                assert_ne!(assert_done(&here, joined), 0);
            } else {
                assert_silent(&here, joined);
            }
        }
        assert_eq!(value(&here, b"a"), found("abc", 7));
    }
}

#[test]
fn a_cas_number_must_be_the_items() {
    let here = here();
    for opcode in [0x01, 0x02, 0x03] {
        // Whichever the command: of a key that there is not, there is no such number.
        assert_refused(&here, storing(opcode, b"a", b"x", (0, 0), 1), NOT_FOUND);
        let old = assert_done(&here, set(b"a", b"1"));
        let new = assert_done(&here, storing(opcode, b"a", b"2", (0, 0), old));
        assert_ne!(old, new);
        assert_refused(&here, storing(opcode, b"a", b"3", (0, 0), old), EXISTS);
        assert_eq!((value(&here, b"a"), ask(&here, get(b"a")).cas), (found("2", 0), new));
        assert_refused(&here, packet(0x0e, b"", b"a", b"x", old), EXISTS);
        assert_refused(&here, counting(0x05, b"a", (1, 0), 0, old), EXISTS);
        assert_refused(&here, packet(0x04, b"", b"a", b"", old), EXISTS);
        let new = assert_done(&here, packet(0x0e, b"", b"a", b"3", new));
        let sum = ask(&here, counting(0x05, b"a", (1, 0), 0, new));
        assert_eq!(value(&here, b"a"), found("24", 0));
        assert_eq!(ask(&here, get(b"a")).cas, sum.cas);
        assert_eq!(assert_done(&here, packet(0x04, b"", b"a", b"", sum.cas)), 0);
    }
    assert_eq!(here.count(ServerCount::CasMisses), 3);
    assert_eq!(here.count(ServerCount::CasHits), 3);
    assert_eq!(here.count(ServerCount::CasBadval), 3);
}

#[test]
fn without_cas_numbers_none_is_heeded_by_what_stores() {
    let settings = settings("memc3", "clock");
    let config = Config { cas: false, ..Config::of(settings.bytes) };
    let here = Service::new(&config, settings).unwrap();
    assert_eq!(assert_done(&here, storing(0x01, b"a", b"1", (0, 0), 5)), 0);
    assert_refused(&here, storing(0x02, b"a", b"2", (0, 0), 5), EXISTS);
    assert_eq!(assert_done(&here, packet(0x0e, b"", b"a", b"2", 5)), 0);
    assert_eq!(value(&here, b"a"), found("12", 0));
    assert_refused(&here, counting(0x05, b"a", (1, 0), 0, 5), EXISTS);
    assert_refused(&here, packet(0x04, b"", b"a", b"", 5), EXISTS);
}

#[test]
fn a_number_is_made_and_counted_up_and_down() {
    let here = here();
    let sum = |packet: Vec<u8>| {
        let reply = ask(&here, packet);
        assert_eq!((reply.status, reply.extras.len(), reply.key.len()), (0, 0, 0));
        assert_ne!(reply.cas, 0);
        u64::from_be_bytes(reply.value[..].try_into().unwrap())
    };
    assert_refused(&here, counting(0x05, b"n", (1, 10), u32::MAX, 0), NOT_FOUND);
    assert_eq!(sum(counting(0x05, b"n", (1, 10), 5, 0)), 10);
    assert_eq!(line(&here, "mg n t v\r\n"), "VA 2 t5\r\n10\r\n");
    assert_eq!(sum(counting(0x05, b"n", (3, 99), u32::MAX, 0)), 13);
    assert_eq!(sum(counting(0x06, b"n", (14, 99), 0, 0)), 0);
    assert_eq!(line(&here, "mg n t v\r\n"), "VA 2 t5\r\n0 \r\n");
    assert_eq!(sum(counting(0x05, b"n", (u64::MAX, 0), 0, 0)), u64::MAX);
    assert_eq!(sum(counting(0x05, b"n", (2, 0), 0, 0)), 1);
    assert_silent(&here, counting(0x15, b"n", (4, 0), 0, 0));
    assert_silent(&here, counting(0x16, b"n", (2, 0), 0, 0));
    assert_silent(&here, counting(0x16, b"m", (2, 7), 0, 0));
    assert_eq!(value(&here, b"n").unwrap().0.trim_end(), "3");
    assert_eq!(value(&here, b"m"), found("7", 0));
    ask(&here, set(b"t", b"text"));
    assert_refused(&here, counting(0x05, b"t", (1, 0), 0, 0), NOT_NUMERIC);
    assert_refused(&here, counting(0x16, b"t", (1, 0), 0, 0), NOT_NUMERIC);
    // One that is made was not missed.
    assert_eq!(here.count(ServerCount::IncrMisses), 1);
    assert_eq!(here.count(ServerCount::DecrMisses), 0);
    assert_eq!(here.count(ServerCount::DecrHits), 2);
}

#[test]
fn a_number_that_becomes_longer_is_not_stale() {
    let here = here();
    ask(&here, set(b"n", b"8"));
    assert_eq!(line(&here, "md n I\r\n"), "HD\r\n");
    for told in ["HD X W\r\n", "HD\r\n"] {
        ask(&here, counting(0x05, b"n", (1, 0), 0, 0));
        assert_eq!(line(&here, "mg n\r\n"), told);
    }
}

#[test]
fn a_flush_deletes_everything_if_it_is_allowed() {
    let here = here();
    let flushes: [(u8, &[u8]); 4] = [(0x08, b""), (0x18, b""), (0x08, &[0; 4]), (0x18, &[0; 4])];
    for (opcode, extras) in flushes {
        ask(&here, set(b"a", b"1"));
        let flush = packet(opcode, extras, b"", b"", 0);
        if opcode == 0x08 {
            assert_eq!(assert_done(&here, flush), 0);
        } else {
            assert_silent(&here, flush);
        }
        assert_eq!(value(&here, b"a"), None);
    }
    // Not yet.
    ask(&here, set(b"a", b"1"));
    assert_done(&here, packet(0x08, &100_u32.to_be_bytes(), b"", b"", 0));
    assert_eq!(value(&here, b"a"), found("1", 0));
    assert_eq!(here.count(ServerCount::CmdFlush), 5);
    let here = service(Settings { flushes: false, ..settings("memc3", "clock") });
    ask(&here, set(b"a", b"1"));
    assert_refused(&here, packet(0x08, b"", b"", b"", 0), DENIED);
    assert_refused(&here, packet(0x18, b"", b"", b"", 0), DENIED);
    assert_eq!(value(&here, b"a"), found("1", 0));
}

#[test]
fn statistics_end_with_an_empty_one() {
    let here = here();
    let stats = |of: &[u8]| -> Vec<String> {
        let (mut all, is_over) = tell(&here, &[packet(0x10, b"", of, b"", 0)]);
        assert!(!is_over && all.iter().all(|reply| reply.status == 0 && reply.cas == 0));
        let last = all.pop().unwrap();
        assert_eq!((last.key.len(), last.value.len()), (0, 0));
        let words = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        all.iter().map(|one| format!("{} {}", words(&one.key), words(&one.value))).collect()
    };
    let of_cache = stats(b"");
    assert!(of_cache.contains(&"time 1800000000".to_owned()), "{of_cache:?}");
    let lines = line(&here, "stats settings\r\n");
    let expected: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("STAT ")).collect();
    assert_eq!(stats(b"settings"), expected);
    ask(&here, get(b"a"));
    for of in ["reset", "items", "detail on", "detail dump"] {
        assert_eq!(stats(of.as_bytes()), [""; 0], "{of}");
    }
    assert_eq!(here.count(ServerCount::CmdGet), 0, "they were reset");
    for of in ["bogus", "detail", "cachedump"] {
        assert_refused(&here, packet(0x10, b"", of.as_bytes(), b"", 0), NOT_FOUND);
    }
}

#[test]
fn a_server_may_speak_one_protocol_alone() {
    let speaking = |protocol| service(Settings { protocol, ..settings("memc3", "clock") });
    let lines = b"mn\r\nmn\r\nmn\r\nmn\r\nmn\r\nmn\r\n";
    let noop = packet(0x0a, b"", b"", b"", 0);
    let said = |protocol, sent: &[u8]| talk(&speaking(protocol), [sent], PLENTY);
    assert_eq!(said(Protocol::Auto, lines), (b"MN\r\n".repeat(6), false));
    assert_eq!(said(Protocol::Ascii, lines), (b"MN\r\n".repeat(6), false));
    assert_eq!(said(Protocol::Binary, lines), (Vec::new(), true));
    let (said_to_noop, is_over) = said(Protocol::Binary, &noop);
    assert_eq!((replies(&said_to_noop).len(), is_over), (1, false));
    assert_eq!(said(Protocol::Auto, &noop), (said_to_noop, false));
    // Up to its first byte of 0 a line that is no command.
    let as_line = [&packet(0x0b, b"", b"", b"", 0)[..], b"\r\n"].concat();
    assert_eq!(said(Protocol::Ascii, &as_line), (b"ERROR\r\n".to_vec(), false));
}

#[test]
fn what_there_is_besides() {
    let here = here();
    assert_eq!(assert_done(&here, packet(0x0a, b"", b"", b"", 0)), 0);
    let version = ask(&here, packet(0x0b, b"", b"", b"", 0));
    assert!(version.value.starts_with(b"1.6.18+bench."), "{version:?}");
    let noop = packet(0x0a, b"", b"", b"", 0);
    let (said, is_over) = tell(&here, &[packet(0x07, b"", b"", b"", 0), noop.clone()]);
    assert_eq!((said.len(), said[0].opcode, said[0].status, is_over), (1, 0x07, 0, true));
    assert_eq!(tell(&here, &[packet(0x17, b"", b"", b"", 0), noop]), (Vec::new(), true));
}

#[test]
fn an_unknown_command_is_swallowed() {
    let here = here();
    let noop = packet(0x0a, b"", b"", b"", 0);
    // `Verbosity`, SASL's, and what nobody knows.
    let unknown: [(u8, [&[u8]; 3]); 5] = [
        (0x1b, [&[0; 4], b"", b""]),
        (0x20, [b"", b"", b""]),
        (0x21, [b"", b"PLAIN", b"\0me\0secret"]),
        (0x22, [b"", b"PLAIN", b""]),
        (0x77, [b"extras", b"key", &[0x80; 1000]]),
    ];
    for (opcode, [extras, key, value]) in unknown {
        let asked = [packet(opcode, extras, key, value, 3), noop.clone()];
        let (said, is_over) = tell(&here, &asked);
        let statuses: Vec<u16> = said.iter().map(|reply| reply.status).collect();
        assert_eq!((statuses, is_over), (vec![UNKNOWN.0, 0], false), "{opcode:#x}");
        assert_eq!(said[0].value, UNKNOWN.1.as_bytes());
    }
}

#[test]
fn after_a_packet_that_is_wrong_the_connection_ends() {
    let here = here();
    let ends = |bytes: &[u8], expected: (u16, &str)| {
        let (said, is_over) = talk(&here, [bytes], PLENTY);
        let said = replies(&said);
        assert!(is_over && said.len() == 1, "{said:?}");
        let words = String::from_utf8_lossy(&said[0].value);
        assert_eq!((said[0].status, &*words), expected);
    };
    // A value that a lookup has not, extras of another length, a key that a `Noop` has not.
    ends(&packet(0x00, b"", b"a", b"v", 0), BAD);
    ends(&packet(0x11, &[0; 7], b"a", b"v", 0), BAD);
    ends(&packet(0x0a, b"", b"a", b"", 0), BAD);
    ends(&packet(0x21, b"", b"", b"", 0), BAD);
    // Without the key, which is not waited for.
    let long = packet(0x00, b"", &[b'k'; 251], b"", 0);
    ends(&long, BAD);
    ends(&long[..24], BAD);
    let mut short = packet(0x00, b"", b"key", b"", 0);
    short[11] = 2;
    ends(&short, UNKNOWN);
    // What is no request is not answered.
    let mut reply = packet(0x0a, b"", b"", b"", 0);
    reply[0] = 0x81;
    let asked = [packet(0x0a, b"", b"", b"", 0), reply.clone()];
    let (said, is_over) = tell(&here, &asked);
    assert_eq!((said.len(), is_over), (1, true));
    let (said, is_over) = talk(&here, [&asked[0][..], &reply[..23]], PLENTY);
    assert_eq!((said.len(), is_over), (24, false), "it may be no header yet");
}

#[test]
fn a_value_that_is_too_large_is_swallowed() {
    let here = here();
    let most = here.settings.max_value;
    let (large, largest) = (vec![b'v'; most + 1], vec![b'v'; most]);
    assert_ne!(assert_done(&here, set(b"a", &largest)), 0);
    for (opcode, stays) in [(0x12, true), (0x03, true), (0x19, true), (0x01, false)] {
        let extras: &[u8] = if opcode == 0x19 { b"" } else { &[0; 8] };
        let all = [packet(opcode, extras, b"a", &large, 0), get(b"a")].concat();
        let (said, _) = talk(&here, all.chunks(7000), PLENTY);
        let said = replies(&said);
        let words = String::from_utf8_lossy(&said[0].value);
        assert_eq!((said.len(), said[0].status, &*words), (2, TOO_LARGE.0, TOO_LARGE.1));
        assert_eq!(said[1].status == 0, stays, "{opcode:#x}");
    }
    // What is joined may be too large only then.
    ask(&here, set(b"a", &largest));
    assert_refused(&here, packet(0x0e, b"", b"a", b"v", 0), NOT_STORED);
}

#[test]
fn without_memory_for_replies_what_is_large_is_refused() {
    let here = service(Settings { transit: 1000, ..settings("memc3", "clock") });
    let large = set(b"a", &[b'v'; 20_000]);
    ask(&here, large.clone());
    ask(&here, set(b"b", b"1"));
    here.transit.change(0, 1000);
    let (said, _) = tell(&here, &[get(b"a"), packet(0x0a, b"", b"", b"", 0)]);
    let words = String::from_utf8_lossy(&said[0].value);
    assert_eq!((said[0].status, &*words, said[1].status), (0x82, "Out of memory", 0));
    assert_eq!(value(&here, b"b"), found("1", 0), "what is small is not refused");
    let (said, _) = talk(&here, large.chunks(5000), PLENTY);
    let said = replies(&said);
    let words = String::from_utf8_lossy(&said[0].value);
    assert_eq!((said.len(), said[0].status), (1, 0x82));
    assert_eq!(words, "Out of memory allocating item");
    here.transit.change(1000, 0);
    assert_eq!(value(&here, b"a"), None);
}

#[test]
fn without_memory_for_an_item_a_store_says_so() {
    let here = service(settings("memc3", "none"));
    let value = vec![b'v'; 500_000];
    let mut said = Vec::new();
    for number in 0..100_u32 {
        let one = ask(&here, set(&number.to_be_bytes(), &value));
        said.push((one.status, String::from_utf8_lossy(&one.value).into_owned()));
    }
    assert_eq!(said[0], (0, String::new()));
    assert_eq!(said[99], (0x82, "Out of memory allocating item".to_owned()));
}
