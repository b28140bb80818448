//! Numbers, as memcached reads them with C's `strtol` and its kin.
//!
//! White space and a sign may come first. The number ends at the end of the word, or at white space: words
//! are parted by blanks alone, so a word may have tabs.

/// What C's `isspace` says.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Whether the number is negative, and its amount. `None` if there is none, or it is above 2⁶⁴ - 1.
fn parts(word: &[u8]) -> Option<(bool, u64)> {
    let begin = word.iter().position(|&byte| !is_space(byte))?;
    let (is_negative, digits) = match &word[begin..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    if end == 0 || digits.get(end).is_some_and(|&byte| !is_space(byte)) {
        return None;
    }
    let add = |sum: u64, &digit: &u8| sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'));
    Some((is_negative, digits[..end].iter().try_fold(0, add)?))
}

/// A number from 0 to `most`. As in C, `-0` is one.
pub fn unsigned(word: &[u8], most: u64) -> Option<u64> {
    let (is_negative, amount) = parts(word)?;
    (amount <= most && (!is_negative || amount == 0)).then_some(amount)
}

/// A number of 32 bits with a sign. memcached takes the low 32 bits of larger ones; here they are refused.
pub fn signed(word: &[u8]) -> Option<i32> {
    let (is_negative, amount) = parts(word)?;
    let amount = i64::try_from(amount).ok()?;
    i32::try_from(if is_negative { -amount } else { amount }).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_number() {
        for word in ["", " ", "-", "+", "a", "1a", "--1", "+-1", "0x1", "1-", "\t", "1.0"] {
            assert_eq!(unsigned(word.as_bytes(), u64::MAX), None, "{word:?}");
            assert_eq!(signed(word.as_bytes()), None, "{word:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

        #[test]
        fn numbers_are_read_back(number: i128, before in "[ \t\r\u{b}\u{c}]{0,2}", after in "(\t[a-z]?)?") {
            // Of every length.
            for shift in 0..128 {
                let number = number >> shift;
                let word = format!("{before}{number}{after}").into_bytes();
                prop_assert_eq!(signed(&word), i32::try_from(number).ok());
                for most in [7, u64::from(u32::MAX), u64::MAX] {
                    let expected = u64::try_from(number).ok().filter(|&number| number <= most);
                    prop_assert_eq!(unsigned(&word, most), expected);
                }
            }
        }
    }
}
