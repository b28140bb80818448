//! Lack of memory: a request that is too large ends with one line that says what was requested.
//!
//! A buffer whose length a user chose is reserved by [`room`], which returns an error if there is no memory.
//! A table's constructor has no such error: it panics, or its allocator ends the process. [`making`]
//! turns its panic into an error. For the other case there is [`end_in_a_line`]: from then on, if the allocator
//! cannot provide a block, the process ends with exit code 1 and one line, instead of an abort and a
//! backtrace. That needs the [`Switch`](crate::allocator::Switch) as the program's allocator.
//!
//! A system that overcommits memory may return a block and kill the process that writes to it. A request that
//! no system can satisfy fails at once. So memory that will be written in small pieces is first requested as
//! a whole: [`enough_for`].

use std::any::Any;
use std::cell::Cell;
use std::fmt::{self, Display, Write};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use anyhow::{anyhow, bail};

/// Whether an allocation that fails ends the process.
static ENDS: AtomicBool = AtomicBool::new(false);

/// For what a thread allocates.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// Nobody has said.
    Any,
    /// To see whether it can: it has an answer to a block that it cannot have.
    Asks,
    /// This.
    For(&'static str),
}

thread_local! {
    static TASK: Cell<Task> = const { Cell::new(Task::Any) };
    /// Whether a panic becomes an error that says the same.
    static CATCHES: Cell<bool> = const { Cell::new(false) };
}

/// For what this thread allocates, until it is dropped.
#[derive(Debug)]
pub struct During(Task);

impl During {
    fn of(task: Task) -> Self {
        Self(TASK.replace(task))
    }
}

impl Drop for During {
    fn drop(&mut self) {
        TASK.set(self.0);
    }
}

/// A vector with room for `len` values, none of which are there yet; `what` they are is for the message.
///
/// # Errors
///
/// There is no memory for them.
pub fn room<T>(len: u64, what: impl Display) -> anyhow::Result<Vec<T>> {
    let asking = During::of(Task::Asks);
    let mut room = Vec::new();
    let reserved = usize::try_from(len).is_ok_and(|len| room.try_reserve_exact(len).is_ok());
    drop(asking);
    if !reserved {
        bail!("no memory for {what}: {}", Size::of::<T>(len));
    }
    Ok(room)
}

/// The values, in memory of their own.
///
/// # Errors
///
/// There is no memory for them.
pub fn collected<T>(
    values: impl ExactSizeIterator<Item = T>,
    what: impl Display,
) -> anyhow::Result<Vec<T>> {
    let mut all = room(values.len() as u64, what)?;
    all.extend(values);
    Ok(all)
}

/// Less than this is not asked for in advance: a machine has it. (A smaller block, freed again, would
/// also change what malloc does with the next ones: `M_MMAP_THRESHOLD` is dynamic up to 32 MiB.)
const WORTH_ASKING: u64 = 1 << 30;

/// Asks for memory for `count` values of `T`, and gives it back.
///
/// # Errors
///
/// There is none.
pub fn enough_for<T>(count: u64, what: impl Display) -> anyhow::Result<()> {
    if count.saturating_mul(size_of::<T>() as u64) < WORTH_ASKING {
        return Ok(());
    }
    room::<T>(count, what).map(drop)
}

/// A name that the allocator can read when it has nothing to give. It stays for the rest of the process,
/// which says a few.
pub fn named(what: impl Display) -> &'static str {
    what.to_string().leak()
}

/// Says for `what` this thread allocates until the answer is dropped, should there be no memory.
pub fn allocates_for(what: impl Display) -> During {
    During::of(Task::For(named(what)))
}

/// Runs `make`, which makes a table or the like; `what` it is is for the message. Allocates nothing
/// itself: a table's bytes are counted around it.
///
/// # Errors
///
/// It panicked: what was asked of it is more than it can do.
pub fn making<R>(what: &'static str, make: impl FnOnce() -> R) -> anyhow::Result<R> {
    let _during = During::of(Task::For(what));
    let outer = CATCHES.replace(true);
    // What is half made is dropped, and nobody has seen it.
    let made = panic::catch_unwind(AssertUnwindSafe(make));
    CATCHES.set(outer);
    made.map_err(|panic| anyhow!("cannot make {what}: {}", in_one_line(&*panic)))
}

/// Whether a panic of this thread is in [`making`], which says what it said.
pub fn catches_panic() -> bool {
    CATCHES.get()
}

/// What a panic said.
pub fn in_one_line(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it panicked").lines().collect::<Vec<_>>().join(" ")
}

/// From here on a block that cannot be had ends the process.
pub fn end_in_a_line() {
    // Relaxed: it orders nothing; other threads start later.
    ENDS.store(true, Relaxed);
}

/// The allocator calls it when it has no block of so many `bytes`.
#[cold]
#[inline(never)]
pub fn refused(bytes: usize) {
    let task = TASK.get();
    // Relaxed: as in `end_in_a_line`.
    if !ENDS.load(Relaxed) || matches!(task, Task::Asks) {
        return;
    }
    let mut line = Line::default();
    // It cuts what it has no room for.
    let _ = match task {
        Task::For(what) => write!(line, "error: no memory for {what}"),
        Task::Any | Task::Asks => write!(line, "error: no memory"),
    };
    let _ = writeln!(line, ": {bytes} bytes at once are more than there is");
    line.print();
    // SAFETY: it has no conditions, and returns to nobody: no lock that this thread may hold, in the
    // midst of an allocation, is asked for.
    unsafe { nix::libc::_exit(1) };
}

/// Ends the process, in which other threads wait for what cannot be: one line, and exit code 1.
pub fn end(why: impl Display) -> ! {
    use std::io::Write as _;
    // That nobody reads it is no reason to go on.
    let _ = writeln!(std::io::stderr(), "error: {why}");
    std::process::exit(1);
}

/// A line that is written without an allocation.
struct Line {
    bytes: [u8; 512],
    len: usize,
}

impl Default for Line {
    fn default() -> Self {
        Self { bytes: [0; 512], len: 0 }
    }
}

impl Line {
    /// To standard error, past the lock of `std`'s.
    fn print(&self) {
        let _ = nix::unistd::write(std::io::stderr(), &self.bytes[..self.len]);
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.len..];
        let copied = text.len().min(room.len());
        room[..copied].copy_from_slice(&text.as_bytes()[..copied]);
        self.len += copied;
        Ok(())
    }
}

/// So many values of a size.
struct Size {
    count: u64,
    bytes: usize,
}

impl Size {
    fn of<T>(count: u64) -> Self {
        Self { count, bytes: size_of::<T>() }
    }
}

impl Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, bytes } = *self;
        let all = u128::from(count) * bytes as u128;
        match bytes {
            1 => write!(f, "{all} bytes"),
            _ => write!(f, "{count} of {bytes} bytes each are {all} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_that_cannot_be_is_an_error_that_names_it() {
        let said = |len| room::<u64>(len, "the words").unwrap_err().to_string();
        assert_eq!(
            said(1 << 60),
            "no memory for the words: 1152921504606846976 of 8 bytes each are \
             9223372036854775808 bytes"
        );
        assert!(said(u64::MAX).contains("147573952589676412920 bytes"), "{}", said(u64::MAX));
        // Below `isize::MAX`, and more than any address space has: the allocator is asked.
        assert!(said(1 << 55).contains("no memory for the words"));
        assert!(enough_for::<[u64; 2]>(1 << 55, "entries").is_err());
        assert!(enough_for::<[u64; 2]>(1 << 10, "entries").is_ok());
        let all = collected([0_u64, 1, 2, 3, 4].map(|n| n * 2).into_iter(), "numbers").unwrap();
        assert_eq!((all.capacity(), all), (5, vec![0, 2, 4, 6, 8]));
    }

    #[test]
    fn what_cannot_be_made_is_an_error_that_says_why() {
        let made = making("a table", || Vec::<u64>::with_capacity(usize::MAX).len());
        assert_eq!(made.unwrap_err().to_string(), "cannot make a table: capacity overflow");
        let two = making("a table", || panic!("too\n{}", "large"));
        assert_eq!(two.unwrap_err().to_string(), "cannot make a table: too large");
        assert_eq!(making("seven", || 7).unwrap(), 7);
        assert!(!catches_panic());
        assert!(making("it", catches_panic).unwrap());
    }

    #[test]
    fn a_line_is_cut_and_not_lost() {
        let mut line = Line::default();
        let _ = write!(line, "{}", "x".repeat(700));
        let _ = writeln!(line, "more");
        assert_eq!((line.len, line.bytes), (512, [b'x'; 512]));
    }
}
