//! Bytes that come in pieces.

/// All of `bytes`, in parts of these lengths, again and again.
pub(crate) fn cut<'b>(bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let (mut rest, mut parts) = (bytes, Vec::new());
    for length in lengths.iter().cycle() {
        let (part, after) = rest.split_at((*length).min(rest.len()));
        parts.push(part);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    parts
}
