//! What memcached 1.6.18 has answered, and what is answered here.
//!
//! `ci/server.py record` has written the conversations down.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cache::store::Config;
use cache::time::Clock;
use common::{PLENTY, service, settings, talk};
use server::clock::MovedClock;
use server::service::{Service, Settings};
use server::tally::ServerCount::{
    CmdTouch, DeleteHits, DeleteMisses, GetMisses, IncrMisses, TouchMisses,
};

/// A conversation; `None` where the next one finds an empty cache.
type Line = Option<(String, String)>;

fn bytes(text: &str) -> Vec<u8> {
    // Each character is a byte.
    text.chars().map(|character| u8::try_from(character).expect("it is latin-1")).collect()
}

/// The first line of `reply`, and the rest.
fn line(reply: &[u8]) -> (&[u8], &[u8]) {
    let end = reply.windows(2).position(|two| two == b"\r\n").map_or(reply.len(), |end| end + 2);
    reply.split_at(end)
}

/// A reply without what differs between servers: CAS numbers, and seconds that are left.
fn struck(mut reply: &[u8]) -> String {
    let mut all = String::new();
    while !reply.is_empty() {
        let (first, mut rest) = line(reply);
        let text = String::from_utf8_lossy(first).into_owned();
        let words: Vec<&str> = text.split_whitespace().collect();
        let mut value = 0;
        match words[..] {
            ["VALUE", key, flags, len] => all += &format!("VALUE {key} {flags} {len}\r\n"),
            ["VALUE", key, flags, len, _] => all += &format!("VALUE {key} {flags} {len} #\r\n"),
            ["HD" | "EX" | "NF" | "NS" | "VA" | "EN", ..] => {
                all += &words.iter().map(|word| of_meta(word)).collect::<Vec<_>>().join(" ");
                all += "\r\n";
            }
            _ => all += &text,
        }
        if let ["VALUE", _, _, len, ..] | ["VA", len, ..] = words[..] {
            value = len.parse::<usize>().expect("a length") + 2;
        }
        let (data, after) = rest.split_at(value);
        all.extend(data.iter().copied().map(char::from));
        rest = after;
        reply = rest;
    }
    all
}

fn of_meta(word: &str) -> String {
    let number = word.get(1..).and_then(|digits| digits.parse::<u64>().ok());
    match (word.as_bytes()[0], number) {
        (b'c', Some(1..)) => "c#".to_owned(),
        (b't', Some(left)) => format!("t{}", left.next_multiple_of(10)),
        _ => word.to_owned(),
    }
}

fn replay(store: &str, eviction: &str) {
    let text = include_str!("../testdata/memcached.jsonl");
    let mut here = service(settings(store, eviction));
    let mut lines = 0;
    for (number, line) in text.lines().enumerate() {
        let line: Line = serde_json::from_str(line).expect("it is as it was written");
        let Some((asked, expected)) = line else {
            here = service(settings(store, eviction));
            continue;
        };
        let (reply, _) = talk(&here, [&bytes(&asked)[..]], PLENTY);
        let expected = struck(&bytes(&expected));
        assert_eq!(struck(&reply), expected, "line {}, asked {asked:?}", number + 1);
        lines += asked.lines().count();
    }
    assert!(lines > 1000, "{lines} lines");
}

#[test]
fn replies_are_memcacheds() {
    replay("memc3", "clock");
}

#[test]
fn replies_are_memcacheds_whatever_the_cache() {
    replay("sharded", "lru-list");
    replay("over-map-hazard", "lru-list");
}

/// A reply that follows from the one before it is in no transcript.
#[test]
fn a_cas_number_that_was_told_is_the_right_one() {
    let here = service(settings("memc3", "clock"));
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    say("set a 0 0 1\r\n1\r\n");
    let told = say("gets a\r\n");
    let cas = told.lines().next().unwrap().rsplit(' ').next().unwrap();
    assert_eq!(say(&format!("cas a 0 0 1 {cas}\r\n2\r\n")), "STORED\r\n");
    assert_eq!(say(&format!("cas a 0 0 1 {cas}\r\n3\r\n")), "EXISTS\r\n");
    assert_eq!(
        say(&format!("ms a 1 C{cas}\r\n3\r\nmd a C{cas}\r\nma a C{cas}\r\n")),
        "EX\r\nEX\r\nEX\r\n"
    );
    // An older one may store what is stale, and who comes first is to fetch it.
    assert_eq!(say(&format!("ms a 1 I C{cas}\r\n4\r\n")), "HD\r\n");
    assert_eq!(say("mg a v\r\nmg a v\r\n"), "VA 1 X W\r\n4\r\nVA 1 Z X\r\n4\r\n");
    let told = say("mg a c\r\n");
    let cas = &told.split_whitespace().find(|word| word.starts_with('c')).unwrap()[1..];
    let next = say(&format!("ms a 1 c C{cas}\r\n5\r\n"));
    assert_ne!(next.trim(), format!("HD c{cas}"));
    let cas = &next.trim()["HD c".len()..];
    assert_eq!(
        say(&format!("ms a 2 MA C{cas}\r\n67\r\nget a\r\n")),
        "HD\r\nVALUE a 0 3\r\n567\r\nEND\r\n"
    );
}

#[test]
fn times_are_told_by_the_caches_clock() {
    // Which stands still, at 1,800,000,000.
    let here = service(settings("memc3", "clock"));
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    say("set a 0 0 1\r\n1\r\n");
    let asked = "mg a T1800000007 t\r\nmg a t\r\nma n N0 T1800000009 t\r\nmg n t\r\n";
    assert_eq!(say(asked), "HD t7\r\nHD t7\r\nHD t9\r\nHD t9\r\n");
    assert!(say("stats\r\n").contains("STAT time 1800000000\r\n"));
}

/// A clock on the wall that is set while the server runs, and a steady one.
#[derive(Debug)]
struct SetClock {
    wall: AtomicU64,
    steady: AtomicU64,
}

impl Clock for SetClock {
    fn steady(&self) -> u64 {
        self.steady.load(Ordering::Relaxed)
    }

    fn wall(&self) -> u64 {
        self.wall.load(Ordering::Relaxed)
    }
}

#[test]
fn a_clock_that_is_set_moves_no_time() {
    let began = 1_800_000_000;
    let settings = settings("memc3", "clock");
    let clock = Arc::new(SetClock { wall: AtomicU64::new(began), steady: AtomicU64::new(50) });
    let config = Config {
        clock: clock.clone(),
        max_value: settings.max_value,
        ..Config::of(settings.bytes)
    };
    let here = Service::new(&config, settings).unwrap();
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    for (wall, since) in [(began - 100_000, 10), (began + 100_000, 20)] {
        clock.wall.store(wall, Ordering::Relaxed);
        clock.steady.store(50 + since, Ordering::Relaxed);
        let now = began + since;
        let stats = say("stats\r\n");
        assert!(stats.contains(&format!("STAT time {now}\r\n")), "{stats}");
        assert!(stats.contains(&format!("STAT uptime {since}\r\n")), "{stats}");
        let asked = format!("set a 0 {} 1\r\n1\r\nmg a t\r\nmg a T{} t\r\n", now + 30, now + 40);
        assert_eq!(say(&asked), "STORED\r\nHD t30\r\nHD t40\r\n");
        assert_eq!(say(&format!("flush_all {now}\r\nmg a\r\n")), "OK\r\nEN\r\n");
    }
}

#[test]
fn who_may_moves_the_clock() {
    let settings = settings("memc3", "clock");
    let clock = Arc::new(MovedClock::default());
    let config = Config {
        clock: clock.clone(),
        max_value: settings.max_value,
        ..Config::of(settings.bytes)
    };
    let here = Service::new(&config, settings.clone()).unwrap().moved_by(clock);
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    assert_eq!(say("set a 0 1000 1\r\n1\r\ndebugtime 500\r\nmg a\r\n"), "STORED\r\nOK\r\nHD\r\n");
    for wrong in ["", " x", " -1", " 4294967296", " 500 0"] {
        assert_eq!(say(&format!("debugtime{wrong}\r\nmg a\r\n")), "ERROR\r\nHD\r\n", "{wrong}");
    }
    assert_eq!(say("debugtime 500\r\nmg a\r\n"), "OK\r\nEN\r\n");
    // A flush comes sooner, too, and not before its time.
    assert_eq!(say("set a 0 0 1\r\n1\r\nflush_all 2000\r\n"), "STORED\r\nOK\r\n");
    assert_eq!(say("debugtime 1000\r\nmg a\r\n"), "OK\r\nHD\r\n");
    assert_eq!(say("debugtime 1000\r\nmg a\r\n"), "OK\r\nEN\r\n");
    assert_eq!(here.until_flush(), None);
    let (reply, _) = talk(&service(settings), [&b"debugtime 5\r\n"[..]], PLENTY);
    assert_eq!(reply, b"ERROR\r\n");
}

#[test]
fn a_flush_whose_time_has_come_is_at_once() {
    let here = service(settings("memc3", "clock"));
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    // Now is 1,800,000,000.
    for (time, is_at_once) in [
        ("0", true),
        ("-1", true),
        ("-2147483648", true),
        ("1799999999", true),
        ("1800000000", true),
        ("1800000001", false),
        ("1", false),
    ] {
        let reply = say(&format!("set a 0 0 1\r\n1\r\nflush_all {time}\r\nmg a\r\n"));
        let left = if is_at_once { "EN" } else { "HD" };
        assert_eq!(reply, format!("STORED\r\nOK\r\n{left}\r\n"), "{time}");
        assert_eq!(here.until_flush().is_some(), !is_at_once, "{time}");
    }
}

/// Strict LRU, in a cache through which three times its memory goes.
#[test]
fn what_names_an_item_uses_it_but_mg_with_u_and_me() {
    let stored = |key: &str| format!("set {key} 0 0 1000\r\n{}\r\n", "v".repeat(1000));
    for (asked, is_kept) in [
        ("get the-hot", true),
        ("gat 0 the-hot", true),
        ("touch the-hot 0", true),
        ("mg the-hot v", true),
        ("mg the-hot t", true),
        ("mg the-hot R0", true),
        ("mg the-hot N9", true),
        ("mg the-hot T0", true),
        ("mg the-hot u", false),
        ("me the-hot", false),
    ] {
        let here = service(Settings { bytes: 4 << 20, ..settings("sharded", "lru-list") });
        let say = |text: &str| talk(&here, [text.as_bytes()], PLENTY);
        say(&stored("the-hot"));
        for round in 0..120 {
            for number in 0..100 {
                say(&stored(&format!("{round:03}-{number:03}")));
            }
            say(&format!("{asked}\r\n"));
        }
        assert!(here.cache().stats().evictions > 5000, "{asked}");
        // One that N has made anew is empty.
        let (reply, _) = say("get the-hot\r\n");
        assert_eq!(reply.len() > 1000, is_kept, "{asked}: {}", String::from_utf8_lossy(&reply));
    }
}

/// There are clients that read no more than a word for a name, and one for its value.
#[test]
fn what_is_told_of_the_server_is_one_word_each() {
    let here = service(settings("memc3", "clock"));
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    let told = say("stats\r\nstats settings\r\n");
    let stats: Vec<&str> = told.lines().filter(|line| *line != "END").collect();
    assert!(stats.len() > 30, "{told}");
    for line in stats {
        assert!(line.starts_with("STAT ") && line.split(' ').count() == 3, "{line}");
    }
    let version = say("version\r\n");
    assert!(version.starts_with("VERSION 1.6.18") && version.split(' ').count() == 2, "{version}");
}

#[test]
fn meta_commands_count_what_memcached_counts() {
    let here = service(settings("memc3", "clock"));
    let asked = "mg a T5\r\nma n N0\r\nset a 0 0 1\r\n1\r\nmg a T5\r\nmd a I\r\nmd a\r\nmd a\r\n";
    let (said, _) = talk(&here, [asked.as_bytes()], PLENTY);
    assert_eq!(String::from_utf8(said).unwrap(), "EN\r\nHD\r\nSTORED\r\nHD\r\nHD\r\nHD\r\nNF\r\n");
    let counts = [GetMisses, TouchMisses, CmdTouch, IncrMisses, DeleteHits, DeleteMisses];
    assert_eq!(counts.map(|count| here.count(count)), [1, 0, 1, 0, 1, 1]);
}

#[test]
fn keys_in_base_64_may_have_blanks() {
    let here = service(settings("memc3", "clock"));
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    assert_eq!(say("ms YSBi 1 b\r\n1\r\nmg YSBi b k v\r\n"), "HD\r\nVA 1 kYSBi b\r\n1\r\n");
    assert_eq!(say("ma YSBi b v D4\r\nmd YSBi b q\r\nmg YSBi b\r\n"), "VA 1\r\n5\r\nEN\r\n");
    assert_eq!(say("mg !! b\r\n"), "CLIENT_ERROR error decoding key\r\n");
}

#[test]
fn what_is_wrong_with_a_meta_command_is_said() {
    let here = service(settings("memc3", "clock"));
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    let many = " v".repeat(18);
    for (line, words) in [
        ("mg a v v".to_owned(), "duplicate flag"),
        ("md a q q".to_owned(), "invalid or duplicate flag"),
        ("mg a !".to_owned(), "invalid flag"),
        (format!("mg a{many}"), "options flags are too long"),
        (format!("ma a{many}"), "options flags too long"),
        (format!("mg a O{}", "o".repeat(32)), "opaque token too long"),
        ("ma a MX".to_owned(), "invalid mode for ma M token"),
    ] {
        assert_eq!(say(&format!("{line}\r\n")), format!("CLIENT_ERROR {words}\r\n"), "{line}");
    }
    let longest = format!("O{}", "o".repeat(31));
    assert_eq!(say(&format!("mg a {longest}\r\n")), format!("EN {longest}\r\n"));
    // The value of what is refused is no command.
    let told = say("ms a 1 MX\r\n1\r\nmn\r\n");
    assert_eq!(told, "CLIENT_ERROR invalid mode for ms M token\r\nMN\r\n");
}

#[test]
fn a_cache_without_cas_numbers_says_so_as_memcached_does() {
    let settings = settings("memc3", "clock");
    let config = Config { cas: false, ..Config::of(settings.bytes) };
    let here = Service::new(&config, settings).unwrap();
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    assert_eq!(say("cas a 0 0 1 1\r\n1\r\nset a 0 0 1\r\n1\r\n"), "NOT_FOUND\r\nSTORED\r\n");
    assert_eq!(say("cas a 0 0 1 1\r\n2\r\ngets a\r\n"), "EXISTS\r\nVALUE a 0 1 0\r\n1\r\nEND\r\n");
    assert!(say("stats settings\r\n").contains("STAT cas_enabled no\r\n"));
    assert_eq!(say("stats reset\r\nstats items\r\nstats x\r\n"), "RESET\r\nEND\r\nERROR\r\n");
    // To add to a value is not refused.
    assert_eq!(say("ms a 1 C5\r\n2\r\nmd a C5\r\nma a C5\r\n"), "EX\r\nEX\r\nEX\r\n");
    assert_eq!(say("ms a 1 C5 MA\r\n2\r\nms a 1 C5 MP c\r\n3\r\n"), "HD\r\nHD c0\r\n");
    assert_eq!(say("get a\r\n"), "VALUE a 0 3\r\n312\r\nEND\r\n");
}

/// A browser that was sent here by somebody is not answered; what begins as a command is.
#[test]
fn who_speaks_http_is_told_nothing() {
    let here = service(settings("memc3", "clock"));
    let asked = |word: &str| {
        let asked = format!("{word} / HTTP/1.1\r\n");
        let (reply, is_closed) = talk(&here, [asked.as_bytes()], PLENTY);
        (String::from_utf8(reply).unwrap(), is_closed)
    };
    for word in ["GET", "POST", "HEAD", "OPTIONS", "PUT", "move", "mxy", "xy"] {
        assert_eq!(asked(word), (String::new(), true), "{word}");
    }
    for word in ["mx", "m", "x", "gets2", "incr2"] {
        assert_eq!(asked(word), ("ERROR\r\n".to_owned(), false), "{word}");
    }
}

#[test]
fn a_number_stops_at_nothing_and_keeps_its_length() {
    let here = service(settings("memc3", "clock"));
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    assert_eq!(say("set n 0 0 2\r\n10\r\ndecr n 3\r\n"), "STORED\r\n7\r\n");
    assert_eq!(say("get n\r\n"), "VALUE n 0 2\r\n7 \r\nEND\r\n");
    assert_eq!(say("decr n 100\r\nincr n 200\r\n"), "0\r\n200\r\n");
}

/// As in memcached: it is an item anew.
#[test]
fn a_number_that_becomes_longer_is_not_stale() {
    let here = service(settings("memc3", "clock"));
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    for (number, add) in [("8", "incr n 1"), ("98", "ma n q")] {
        say(&format!("set n 0 0 {}\r\n{number}\r\n", number.len()));
        assert_eq!(say("md n I\r\n"), "HD\r\n");
        say(&format!("{add}\r\n"));
        assert_eq!(say("mg n\r\nmg n\r\n"), "HD X W\r\nHD Z X\r\n", "{add}");
        say(&format!("{add}\r\n"));
        assert_eq!(say("mg n\r\n"), "HD\r\n", "{add}");
    }
}
