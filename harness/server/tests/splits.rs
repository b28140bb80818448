//! What comes out does not depend on how what comes in is cut, nor on how much may come out at a time.

mod common;
mod cuts;

use common::{PLENTY, service, settings, talk};
use cuts::cut;
use proptest::prelude::*;
use server::conversation::{Conversation, Next, Room};
use server::protocol::{MOST_LINE, MOST_RETRIEVAL};

/// A piece of a conversation: mostly right.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let key = prop_oneof![8 => "[ab]", 1 => "[a-z]{249,252}", 1 => Just(String::new())];
    let number = prop_oneof![8 => "[0-9]{1,2}", 1 => "-?[0-9]{1,25}", 1 => "[a-z]?"];
    let value = prop::collection::vec(any::<u8>(), 0..40);
    let flags = prop::collection::vec("[sktcfvquIOTNRCFMJDbhx][0-9A-Z]{0,2}", 0..5);
    let end = prop_oneof![8 => Just("\r\n"), 1 => Just("\n"), 1 => Just("\r")];
    (any::<[u8; 3]>(), key.clone(), key, number, value, flags, end).prop_map(
        |([kind, which, length], key, other, number, value, flags, end)| {
            // Mostly the right one.
            let len = if length < 230 { value.len().to_string() } else { number.clone() };
            let pick = |words: &[&'static str]| words[usize::from(which) % words.len()];
            let flags = flags.join(" ");
            let line = match kind % 8 {
                0 => format!("{} {key} {other}", pick(&["get", "gets", "gat 0", "gat", "bget"])),
                1 => format!("{} {key} {number}", pick(&["incr", "decr", "touch", "delete"])),
                2 => format!("{} {key} {flags}", pick(&["mg", "md", "ma", "me", "mn"])),
                3 => pick(&[
                    "flush_all",
                    "version",
                    "verbosity 1",
                    "bogus",
                    "",
                    "get",
                    "cache_memlimit 9",
                ])
                .to_owned(),
                4 | 5 => format!(
                    "{} {key} 1 0 {len}",
                    pick(&["set", "add", "append", "prepend", "replace"])
                ),
                6 => format!("cas {key} 0 0 {len} {number}"),
                _ => format!("ms {key} {len} {flags}"),
            };
            let mut piece = [line.as_bytes(), end.as_bytes()].concat();
            if kind % 8 >= 4 {
                piece.extend_from_slice(&value);
                piece.extend_from_slice(end.as_bytes());
            }
            piece
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn cuts_change_nothing(
        pieces in prop::collection::vec(piece(), 1..20),
        lengths in prop::collection::vec(1_usize..60, 1..40),
        bytes in 1_usize..200,
        each: bool,
    ) {
        let all = pieces.concat();
        let expected = talk(&service(settings("memc3", "clock")), [&all[..]], PLENTY);
        let here = service(settings("memc3", "clock"));
        let cut = talk(&here, cut(&all, &lengths), Room { bytes, each });
        prop_assert_eq!(String::from_utf8_lossy(&cut.0), String::from_utf8_lossy(&expected.0));
        prop_assert_eq!(cut.1, expected.1);
        let single = talk(&service(settings("sharded", "none")), all.chunks(1), PLENTY);
        prop_assert_eq!(String::from_utf8_lossy(&single.0), String::from_utf8_lossy(&expected.0));
    }
}

#[test]
fn a_line_without_an_end_is_not_waited_for() {
    let here = service(settings("memc3", "clock"));
    let endless = vec![b'x'; MOST_LINE + 1];
    assert_eq!(talk(&here, endless.chunks(1000), PLENTY), (Vec::new(), true));
    let endless = [b"get ".as_slice(), &vec![b' '; MOST_RETRIEVAL]].concat();
    assert_eq!(talk(&here, endless.chunks(1 << 16), PLENTY), (Vec::new(), true));
}

#[test]
fn a_hundred_thousand_keys_are_got_at_once() {
    let here = service(settings("memc3", "clock"));
    talk(&here, [&b"set k099999 0 0 5\r\nvalue\r\n"[..]], PLENTY);
    let keys: Vec<String> = (0..100_000).map(|key| format!("k{key:06}")).collect();
    let line = format!("get {}\r\n", keys.join(" "));
    let (reply, is_over) =
        talk(&here, line.as_bytes().chunks(1 << 14), Room { bytes: 100, each: false });
    assert_eq!(reply, b"VALUE k099999 0 5\r\nvalue\r\nEND\r\n");
    assert!(!is_over);
}

/// Others have their turn meanwhile.
#[test]
fn keys_that_are_not_there_are_looked_up_by_and_by() {
    let here = service(settings("memc3", "clock"));
    let mut desk = here.desk(0);
    let line = format!("get{}\r\n", " k".repeat(10_000));
    let (mut conversation, mut out, mut used, mut stops) =
        (Conversation::default(), Vec::new(), 0, 0);
    loop {
        let input = &line.as_bytes()[used..];
        let progress = conversation.advance(input, &mut desk, &mut out, PLENTY);
        used += progress.used;
        if progress.next == Next::Read {
            break;
        }
        assert!(progress.used > 0, "it goes on");
        stops += 1;
    }
    assert_eq!((used, String::from_utf8_lossy(&out)), (line.len(), "END\r\n".into()));
    assert!(stops >= 5, "{stops} stops");
}

#[test]
fn a_value_that_is_too_large_is_swallowed_and_its_key_gone() {
    let here = service(settings("memc3", "clock"));
    let most = here.settings.max_value;
    let set = |len: usize| {
        [format!("set a 0 0 {len}\r\n").as_bytes(), &vec![b'v'; len], b"\r\n"].concat()
    };
    assert_eq!(talk(&here, [&set(most)[..]], PLENTY).0, b"STORED\r\n");
    let too_large = [set(most + 1), b"mg a\r\n".to_vec()].concat();
    let (reply, _) = talk(&here, too_large.chunks(7000), PLENTY);
    assert_eq!(reply, b"SERVER_ERROR object too large for cache\r\nEN\r\n");
}

/// As in memcached: the key of a `set` or `ms` goes, what others add to or need stays, and who wants no reply gets none
/// but to meta commands.
#[test]
fn a_value_that_is_too_large_leaves_what_it_does_not_replace() {
    let here = service(settings("memc3", "clock"));
    let len = here.settings.max_value + 1;
    let value = "v".repeat(len);
    for (line, after, is_left) in [
        ("set a 0 0", "", false),
        ("add a 0 0", "", true),
        ("replace a 0 0", "", true),
        ("append a 0 0", "", true),
        ("prepend a 0 0", "", true),
        ("cas a 0 0", " 1", true),
        ("ms a", "", false),
        ("ms a", " MA", false),
    ] {
        let is_meta = line.starts_with("ms");
        for quiet in ["", if is_meta { " q" } else { " noreply" }] {
            let line = format!("{line} {len}{after}{quiet}");
            let asked = format!("set a 0 0 1\r\n1\r\n{line}\r\n{value}\r\nmg a\r\n");
            let (reply, _) = talk(&here, [asked.as_bytes()], PLENTY);
            let is_told = is_meta || quiet.is_empty();
            let told = if is_told { "SERVER_ERROR object too large for cache\r\n" } else { "" };
            let left = if is_left { "HD" } else { "EN" };
            let expected = format!("STORED\r\n{told}{left}\r\n");
            assert_eq!(String::from_utf8_lossy(&reply), expected, "{line}");
        }
    }
}

#[test]
fn without_memory_for_replies_what_is_large_is_refused() {
    let mut settings = settings("memc3", "clock");
    settings.transit = 1000;
    let here = service(settings);
    let say = |text: &str| String::from_utf8(talk(&here, [text.as_bytes()], PLENTY).0).unwrap();
    let large = "v".repeat(20_000);
    say(&format!("set a 0 0 20000\r\n{large}\r\nset b 0 0 1\r\n1\r\n"));
    here.transit.change(0, 1000);
    let refused = "SERVER_ERROR out of memory writing get response\r\n";
    assert_eq!(say("get a\r\nversion\r\n").lines().next(), Some(refused.trim_end()));
    assert_eq!(say("mg a v\r\nmg a\r\n"), format!("{refused}HD\r\n"));
    // Whoever has all the memory keeps nobody from what is small.
    let small = "VALUE b 0 1\r\n1\r\n";
    assert_eq!(say("get b b\r\nmg b v\r\n"), format!("{small}{small}END\r\nVA 1\r\n1\r\n"));
    assert_eq!(say("get b a b\r\nmn\r\n"), format!("{small}{refused}MN\r\n"));
    // What has begun to come in was let in; what has not is refused, and swallowed.
    let large = format!("set b 0 0 20000\r\n{large}\r\n");
    let parts: Vec<&[u8]> = large.as_bytes().chunks(5000).collect();
    assert_eq!(talk(&here, parts, PLENTY).0, b"SERVER_ERROR out of memory storing object\r\n");
    here.transit.change(1000, 0);
    assert!(say("get b a\r\n").starts_with("VALUE a 0 20000\r\n"));
}
