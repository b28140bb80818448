//! Keys, values and hashers whose code can be made to do something.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::ops::AddAssign;
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;
use std::thread;

/// Where a table runs user code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    GetWith,
    Update,
    ForEach,
    Hash,
    Eq,
    Clone,
    Drop,
}

impl Place {
    pub const ALL: [Self; 7] =
        [Self::GetWith, Self::Update, Self::ForEach, Self::Hash, Self::Eq, Self::Clone, Self::Drop];

    /// As the documentation calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetWith => "get_with",
            Self::Update => "update",
            Self::ForEach => "for_each",
            Self::Hash => "Hash",
            Self::Eq => "Eq",
            Self::Clone => "Clone",
            Self::Drop => "Drop",
        }
    }
}

/// What is done with the table from there.
#[derive(Clone, Copy, Debug)]
pub enum Use {
    Lookup,
    Len,
    Iterate,
    Write,
}

/// How often that has worked, and how often it has panicked as it should.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub worked: u64,
    pub panicked: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.worked += other.worked;
        self.panicked += other.panicked;
    }
}

/// What is done at a place: told how often it has been done before.
type Hook = Rc<RefCell<dyn FnMut(u64)>>;

/// How often in a step. A closure of `update` that changes its own key starts anew each time.
const TIMES: u64 = 60;
/// Hashers run in each operation and, what matters more, when the table grows.
const HASHES: u64 = 4_000;

thread_local! {
    static HOOK: RefCell<Option<(Place, Hook)>> = const { RefCell::new(None) };
    /// How often the hook may still run in this step.
    static LEFT: Cell<u64> = const { Cell::new(0) };
    static TALLY: Cell<Tally> = const { Cell::new(Tally { worked: 0, panicked: 0 }) };
    static RUNS: Cell<bool> = const { Cell::new(false) };
    /// User code that is to panic, after so many calls of it.
    static PLANTED: Cell<Option<(Place, u64)>> = const { Cell::new(None) };
}

/// Runs `f` with `hook` at `place`, within [`step`]s.
pub fn armed(place: Place, hook: impl FnMut(u64) + 'static, f: impl FnOnce()) -> Tally {
    TALLY.set(Tally::default());
    HOOK.set(Some((place, Rc::new(RefCell::new(hook)))));
    f();
    HOOK.set(None);
    TALLY.get()
}

/// User code at the armed place uses the table while this runs, and at no other time.
pub fn step(f: impl FnOnce()) {
    let hashes = HOOK.with_borrow(|hook| matches!(hook, Some((Place::Hash, _))));
    limited(if hashes { HASHES } else { TIMES }, f);
}

/// The same, so many times at most.
pub fn limited(times: u64, f: impl FnOnce()) {
    struct Disarm;
    impl Drop for Disarm {
        fn drop(&mut self) {
            LEFT.set(0);
        }
    }
    LEFT.set(times);
    let _disarm = Disarm;
    f();
}

/// Runs `f`, in which the user code at `place` panics once, after so many calls; whether it did.
pub fn interrupted(place: Place, calls: u64, f: impl FnOnce()) -> bool {
    PLANTED.set(Some((place, calls)));
    let ended = panic::catch_unwind(AssertUnwindSafe(f));
    let happened = PLANTED.take().is_none();
    assert!(happened || ended.is_ok(), "another panic");
    happened
}

/// Panics, if that is planted here; not while the hook uses the table.
fn interrupt(place: Place) {
    let Some((planted, calls)) = PLANTED.get() else { return };
    if planted != place || RUNS.get() {
        return;
    }
    PLANTED.set(calls.checked_sub(1).map(|left| (planted, left)));
    if calls == 0 {
        panic::resume_unwind(Box::new("planted"));
    }
}

/// The hook of a closure.
pub fn fire() {
    let armed = HOOK.with_borrow(Clone::clone);
    let Some((place, hook)) = armed else { return };
    if LEFT.get() == 0 || RUNS.replace(true) {
        return;
    }
    LEFT.set(LEFT.get() - 1);
    let mut tally = TALLY.get();
    let times = tally.worked + tally.panicked;
    let ended = panic::catch_unwind(AssertUnwindSafe(|| (hook.borrow_mut())(times)));
    RUNS.set(false);
    let fine = ended.is_ok();
    tally.worked += u64::from(fine);
    tally.panicked += u64::from(!fine);
    TALLY.set(tally);
    if let Err(payload) = ended {
        assert!(is_expected(&*payload), "another panic: {:?}", message(&*payload));
        // Sometimes the user's code passes it on.
        if place != Place::Drop && tally.panicked.is_multiple_of(2) && !thread::panicking() {
            panic::resume_unwind(payload);
        }
    }
}

/// User code at `place`.
pub fn at(place: Place) {
    interrupt(place);
    if LEFT.get() > 0 && HOOK.with_borrow(|hook| hook.as_ref().is_some_and(|(at, _)| *at == place))
    {
        fire();
    }
}

/// A step may end with the panic that says that a thread would wait for itself, and no other.
pub fn check_panic(ended: thread::Result<()>) {
    if let Err(payload) = ended
        && !is_expected(&*payload)
    {
        panic::resume_unwind(payload);
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

fn is_expected(payload: &(dyn std::any::Any + Send)) -> bool {
    message(payload).is_some_and(|text| text.contains("would wait for its own thread"))
}

/// Those are part of what is tested.
pub fn silence_expected_panics() {
    let default = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !is_expected(info.payload()) {
            default(info);
        }
    }));
}

/// The same hash for small keys.
#[derive(Default)]
pub struct Mix(u64);

impl Hasher for Mix {
    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are numbers");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = if key < 10 { 1 } else { key };
    }

    fn finish(&self) -> u64 {
        at(Place::Hash);
        let mixed = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93)
    }
}

pub type State = BuildHasherDefault<Mix>;

macro_rules! hooked {
    ($name:ident) => {
        #[derive(Debug)]
        pub struct $name(Box<u64>);

        impl From<u64> for $name {
            fn from(number: u64) -> Self {
                Self(Box::new(number))
            }
        }

        impl Clone for $name {
            fn clone(&self) -> Self {
                at(Place::Clone);
                Self(self.0.clone())
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                at(Place::Drop);
            }
        }
    };
}

hooked!(Key);
hooked!(Value);

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        at(Place::Eq);
        self.0 == other.0
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(*self.0);
    }
}
