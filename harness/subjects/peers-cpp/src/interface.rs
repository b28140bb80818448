//! Between the program and tables in C++: the other side is `cpp/peers.hpp`.

use std::ffi::{c_char, c_void};

/// What an operation does, as `cpp/peers.hpp` numbers it.
pub(crate) mod kind {
    /// Reads the value.
    pub(crate) const GET: u32 = 0;
    /// Adds the key with the value, unless it is there.
    pub(crate) const INSERT: u32 = 1;
    /// Takes the key out.
    pub(crate) const REMOVE: u32 = 2;
    /// Adds to the value of a key that is there.
    pub(crate) const ADD: u32 = 3;
    /// Writes a value, whether or not the key is there.
    pub(crate) const PUT: u32 = 4;
    /// Adds to the value, or inserts it.
    pub(crate) const COUNT: u32 = 5;
}

/// An operation, and then its answer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct CppCall {
    pub(crate) key: u64,
    pub(crate) hash: u64,
    /// What the operation adds or writes; afterwards what the key had, if it was there.
    pub(crate) value: u64,
    /// One of [`kind`].
    pub(crate) kind: u32,
    /// Afterwards 1 if the key was there, else 0.
    pub(crate) found: u32,
}

const _: () = assert!(size_of::<CppCall>() == 32, "as cpp/peers.hpp has it");

/// The hash of a key.
pub(crate) type HashFunction = unsafe extern "C" fn(hasher: *const c_void, key: u64) -> u64;

/// Sees a value and writes what is to replace it; whether anything is.
pub(crate) type ValueFunction =
    unsafe extern "C" fn(context: *mut c_void, old: u64, replacement: *mut u64) -> bool;

/// Sees an entry.
pub(crate) type EntryFunction = unsafe extern "C" fn(context: *mut c_void, key: u64, value: u64);

/// The functions of a kind of table.
///
/// Each may be called by any thread at any time with a table of `create`, but for `destroy`, which is the
/// last, and `leave`, which ends the calling thread's last `enter`. Those that return text return null, or what
/// went wrong: text that is there until the thread calls again.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct CppFunctions {
    /// An empty table, or null. It calls `hash` with `hasher` as long as it is there.
    pub(crate) create: unsafe extern "C" fn(usize, HashFunction, *const c_void) -> *mut c_void,
    pub(crate) destroy: unsafe extern "C" fn(*mut c_void),
    /// Does the calls in their order.
    pub(crate) run: unsafe extern "C" fn(*mut c_void, *mut CppCall, usize) -> *const c_char,
    /// Shows the value of the call's key to the function, and replaces it atomically if that says so.
    pub(crate) modify: unsafe extern "C" fn(
        *mut c_void,
        *mut CppCall,
        ValueFunction,
        *mut c_void,
    ) -> *const c_char,
    pub(crate) for_each:
        unsafe extern "C" fn(*mut c_void, EntryFunction, *mut c_void) -> *const c_char,
    pub(crate) size: unsafe extern "C" fn(*mut c_void) -> usize,
    /// Slots for entries; 0 where that means nothing.
    pub(crate) capacity: unsafe extern "C" fn(*mut c_void) -> usize,
    pub(crate) enter: unsafe extern "C" fn(*mut c_void),
    pub(crate) leave: unsafe extern "C" fn(*mut c_void),
}

// Each is a constant of the C++ file of that name.
unsafe extern "C" {
    pub(crate) safe static peers_no_op: CppFunctions;
    #[cfg(has_libcuckoo)]
    pub(crate) safe static peers_libcuckoo: CppFunctions;
    #[cfg(has_rculfhash)]
    pub(crate) safe static peers_rculfhash: CppFunctions;
    #[cfg(has_tbb)]
    pub(crate) safe static peers_tbb: CppFunctions;
}
