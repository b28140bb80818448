//! Values that tell which key they are of, so that one that is wrong, or torn, is noticed.

/// Bytes of a key: a number in hexadecimal digits.
pub(super) const KEY: usize = 16;

const DIGITS: &[u8; 16] = b"0123456789abcdef";

fn push_hex(number: u64, digits: usize, out: &mut Vec<u8>) {
    let digit = |place: usize| DIGITS[(number >> (4 * place)) as usize & 15];
    out.extend((0..digits).rev().map(digit));
}

/// Appends the key of this number.
pub(super) fn push_key(key: u64, out: &mut Vec<u8>) {
    push_hex(key, KEY, out);
}

/// `SplitMix64`'s finalizer.
fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

/// Digits of a version.
const VERSION: usize = 8;

/// Appends the value of a key in this version: the version, then digits that only these two make.
pub(super) fn push_value(key: u64, version: u32, bytes: usize, out: &mut Vec<u8>) {
    let end = out.len() + bytes;
    push_hex(version.into(), VERSION, out);
    let mut word = mix(key.wrapping_add(1) ^ u64::from(version) << 40);
    while out.len() < end {
        word = mix(word.wrapping_add(0x9e37_79b9_7f4a_7c15));
        push_hex(word, 16.min(end - out.len()), out);
    }
}

/// Whether this is a value of the key; `room` is used.
pub(super) fn is_value(key: u64, value: &[u8], bytes: usize, room: &mut Vec<u8>) -> bool {
    let version = value.get(..VERSION).and_then(|digits| std::str::from_utf8(digits).ok());
    let Some(version) = version.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
        return false;
    };
    room.clear();
    push_value(key, version, bytes, room);
    room == value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_of_its_key_and_whole() {
        let mut room = Vec::new();
        for bytes in [16, 17, 32, 100] {
            let mut value = Vec::new();
            push_value(7, 3, bytes, &mut value);
            assert_eq!(value.len(), bytes);
            assert!(is_value(7, &value, bytes, &mut room));
            assert!(
                !is_value(8, &value, bytes, &mut room)
                    && !is_value(7, &value[1..], bytes, &mut room)
            );
            let mut other = Vec::new();
            push_value(7, 4, bytes, &mut other);
            let torn = [&value[..bytes - 4], &other[bytes - 4..]].concat();
            assert!(!is_value(7, &torn, bytes, &mut room));
        }
    }
}
