//! A value in the buffer of who asks for it, while code of the user's may still end the lookup.

/// What is in the buffer from a byte on; it is cut off when this drops.
struct Unread<'v>(&'v mut Vec<u8>, usize);

impl Drop for Unread<'_> {
    fn drop(&mut self) {
        self.0.truncate(self.1);
    }
}

/// Runs code of the user's, a clock's or a policy's. If it panics, what was copied to `value`, from `begin` on, does
/// not stay there.
#[inline]
pub(super) fn ask_user<T>(value: &mut Vec<u8>, begin: usize, user: impl FnOnce() -> T) -> T {
    let unread = Unread(value, begin);
    let answer = user();
    std::mem::forget(unread);
    answer
}
