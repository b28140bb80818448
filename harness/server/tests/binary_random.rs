//! Conversations in the binary protocol, drawn at random: cuts change nothing, quiet commands do what loud ones do, and
//! nothing that is sent panics.

mod common;
mod cuts;
mod packets;

use common::{PLENTY, service, settings, talk};
use cuts::cut;
use packets::{Reply, packet, replies};
use proptest::prelude::*;
use proptest::sample::select;
use server::conversation::Room;

/// Commands that have a quiet form: the loud one, the quiet one, the bytes of their extras, and whether there is a key
/// and a value.
const PAIRS: [(u8, u8, usize, bool, bool); 13] = [
    (0x00, 0x09, 0, true, false),
    (0x0c, 0x0d, 0, true, false),
    (0x1d, 0x1e, 4, true, false),
    (0x23, 0x24, 4, true, false),
    (0x01, 0x11, 8, true, true),
    (0x02, 0x12, 8, true, true),
    (0x03, 0x13, 8, true, true),
    (0x04, 0x14, 0, true, false),
    (0x05, 0x15, 20, true, false),
    (0x06, 0x16, 20, true, false),
    (0x0e, 0x19, 0, true, true),
    (0x0f, 0x1a, 0, true, true),
    (0x08, 0x18, 4, false, false),
];

/// The first of these are lookups.
const LOOKUPS: usize = 4;

/// What a packet has: the place of its command in `PAIRS`, extras, key, value and CAS number.
type Parts = (usize, [u8; 20], String, Vec<u8>, u64);

fn parts() -> impl Strategy<Value = Parts> {
    // Flags, seconds and numbers are 0, or anything.
    let extras = prop_oneof![3 => Just([0_u8; 20]), 1 => any::<[u8; 20]>()];
    let value = prop_oneof![
        2 => "[0-9]{1,3}".prop_map(String::into_bytes),
        3 => prop::collection::vec(any::<u8>(), 0..40),
    ];
    let cas = prop_oneof![6 => Just(0_u64), 3 => 1_u64..6, 1 => any::<u64>()];
    (0..PAIRS.len(), extras, "[ab]", value, cas)
}

fn written((place, extras, key, value, cas): &Parts, is_quiet: bool) -> Vec<u8> {
    let (loud, quiet, len, has_key, has_value) = PAIRS[*place];
    let opcode = if is_quiet { quiet } else { loud };
    let key: &[u8] = if has_key { key.as_bytes() } else { b"" };
    let value: &[u8] = if has_value { value } else { b"" };
    packet(opcode, &extras[..len], key, value, *cas)
}

/// A packet that is mostly right.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    // What has no quiet form: `Noop`, `Touch`, a statistic that does not tell the time, what nobody knows.
    let others = select(vec![
        packet(0x0a, b"", b"", b"", 0),
        packet(0x1c, &[0, 0, 0, 9], b"a", b"", 0),
        packet(0x10, b"", b"items", b"", 0),
        packet(0x10, b"", b"bogus", b"", 0),
        packet(0x77, b"extras", b"key", b"value", 0),
        packet(0x07, b"", b"", b"", 0),
    ]);
    let usual = (parts(), any::<bool>()).prop_map(|(parts, is_quiet)| written(&parts, is_quiet));
    let right = prop_oneof![10 => usual, 1 => others];
    (right, any::<[u8; 3]>()).prop_map(|(mut piece, [what, place, byte])| {
        let at = usize::from(place) % piece.len();
        match what {
            // Once in a while something is wrong, mostly in the header.
            0..4 => piece[at % 24] = byte,
            4 => piece.truncate(at),
            5 => piece.insert(at, byte),
            _ => {}
        }
        piece
    })
}

/// Whether something asks what the time is, in whatever packet it may come to stand.
fn tells_time(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|four| four == [0x80, 0x10, 0, 0])
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
        // The first byte is one of this protocol.
        let all = [packet(0x0a, b"", b"", b"", 0), pieces.concat()].concat();
        prop_assume!(!tells_time(&all));
        let expected = talk(&service(settings("memc3", "clock")), [&all[..]], PLENTY);
        let here = service(settings("memc3", "clock"));
        prop_assert_eq!(&talk(&here, cut(&all, &lengths), Room { bytes, each }), &expected);
        let single = talk(&service(settings("sharded", "none")), all.chunks(1), PLENTY);
        prop_assert_eq!(single, expected);
    }

    #[test]
    fn a_quiet_command_does_what_the_loud_one_does(all in prop::collection::vec(parts(), 1..30)) {
        let here = service(settings("memc3", "clock"));
        let there = service(settings("memc3", "clock"));
        for parts in all {
            let place = parts.0;
            let said = replies(&talk(&here, [&written(&parts, false)[..]], PLENTY).0);
            let still = replies(&talk(&there, [&written(&parts, true)[..]], PLENTY).0);
            prop_assert_eq!(said.len(), 1);
            // A lookup that misses, anything else that is done.
            let is_usual = (said[0].status == 0) != (place < LOOKUPS);
            let expected = Reply { opcode: PAIRS[place].1, ..said[0].clone() };
            prop_assert_eq!(still, if is_usual { Vec::new() } else { vec![expected] });
        }
        let both = [packet(0x0c, b"", b"a", b"", 0), packet(0x0c, b"", b"b", b"", 0)].concat();
        let left = talk(&here, [&both[..]], PLENTY);
        prop_assert_eq!(left, talk(&there, [&both[..]], PLENTY));
    }

    #[test]
    fn who_counts_by_a_line_or_a_packet_leaves_the_same(
        value in "[0-9]{1,20}|[ 0-9a-z]{0,3}",
        delta in prop_oneof![0_u64..30, any::<u64>()],
        is_increment: bool,
    ) {
        let (word, mode, opcode) =
            if is_increment { ("incr", "MI", 0x05) } else { ("decr", "MD", 0x06) };
        let extras = [&delta.to_be_bytes()[..], &[0; 8], &[0xff; 4]].concat();
        let left = [
            format!("{word} n {delta}\r\n").into_bytes(),
            format!("ma n {mode} D{delta}\r\n").into_bytes(),
            packet(opcode, &extras, b"n", b"", 0),
        ]
        .map(|asked| {
            let here = service(settings("memc3", "clock"));
            let stored = format!("set n 7 0 {}\r\n{value}\r\n", value.len());
            talk(&here, [stored.as_bytes()], PLENTY);
            talk(&here, [&asked[..]], PLENTY);
            String::from_utf8(talk(&here, [&b"get n\r\n"[..]], PLENTY).0).unwrap()
        });
        prop_assert_eq!(&left[0], &left[1]);
        prop_assert_eq!(&left[0], &left[2]);
        if let Ok(number) = value.parse::<u64>() {
            let (more, less) = (number.wrapping_add(delta), number.saturating_sub(delta));
            let sum = if is_increment { more } else { less };
            let width = value.len().max(sum.to_string().len());
            let expected = format!("VALUE n 7 {width}\r\n{sum:<width$}\r\nEND\r\n");
            prop_assert_eq!(&left[0], &expected);
        }
    }

    /// Anything, behind the first byte of a request; its lengths are small ones, or anything.
    #[test]
    fn nothing_panics(
        header: [u8; 23],
        small: bool,
        rest in prop::collection::vec(any::<u8>(), 0..400),
        length in 1_usize..100,
    ) {
        let mut all = [&[0x80_u8][..], &header, &rest].concat();
        if small {
            (all[2], all[3]) = (0, all[3] % 8);
            all[4] = [0, 4, 8, 20][usize::from(all[4] % 4)];
            all[8..11].fill(0);
        }
        prop_assume!(!tells_time(&all));
        let expected = talk(&service(settings("memc3", "clock")), [&all[..]], PLENTY);
        let here = service(settings("memc3", "clock"));
        prop_assert_eq!(talk(&here, cut(&all, &[length]), PLENTY), expected);
    }
}
