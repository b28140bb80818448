//! What must not compile, and is no example for a reader of the documentation. Only the doctests see
//! this module.
//!
//! # Traits that are sealed
//!
//! ```compile_fail,E0277
//! #[derive(Debug, Default)]
//! struct Wide;
//!
//! impl structures::tagging::Tagging for Wide {
//!     const NAME: &'static str = "wide";
//!     const DISTINGUISHES: bool = true;
//!
//!     fn tag(hash: u64, _: u32) -> u64 {
//!         hash
//!     }
//! }
//! ```
//!
//! ```compile_fail,E0277
//! #[derive(Debug, Default)]
//! struct Nobody;
//!
//! impl structures::exclusion::Exclusion for Nobody {
//!     const NAME: &'static str = "nobody";
//!     const READERS_LOCK: bool = false;
//!     type Versions = structures::versions::PerBucket;
//!     type Reading<'e> = ();
//!     type Writing<'e> = ();
//!
//!     fn read(&self) {}
//!     fn write(&self) {}
//! }
//! ```
//!
//! ```compile_fail,E0277
//! #[derive(Clone, Copy)]
//! struct Half(u64);
//!
//! impl structures::word::Word for Half {
//!     fn to_bits(self) -> u64 {
//!         self.0 / 2
//!     }
//!     fn from_bits(bits: u64) -> Self {
//!         Self(bits)
//!     }
//! }
//! ```
//!
//! # Tables of references are not tables of references that last less long
//!
//! A shared reference is enough to insert, so who has a table as one of shorter references would leave
//! them in it. That this compiles with `'static` in both places says that it is not the name or the
//! number of parameters that is wrong:
//!
//! ```
//! type Table<'a> = structures::ChainingLockFree<u64, &'a str>;
//! fn the_same<'a>(map: &'a Table<'static>) -> &'a Table<'static> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::ChainingGlobalLock<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::ChainingBucketLock<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::ChainingLockFree<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::CuckooOptimisticItems<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::CuckooStriped<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::CowLock<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::CowCas<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::HamtCas<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::HamtPsim<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::LeftRightTable<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! ```compile_fail
//! type Table<'a> = structures::LogHerlihy<u64, &'a str>;
//! fn shorten<'a>(map: &'a Table<'static>) -> &'a Table<'a> { map }
//! ```
//!
//! # Nothing that is protected outlives its protection
//!
//! ```compile_fail,E0499
//! let map: structures::HamtCas<u64, u64> = (0..9).map(|key| (key, key)).collect();
//! let mut handle = map.handle();
//! let mut pinned = handle.pin();
//! let before = pinned.snapshot();
//! pinned.insert(9, 9);
//! before.len();
//! ```
//!
//! ```compile_fail,E0505
//! let map: structures::HamtCas<u64, u64> = (0..9).map(|key| (key, key)).collect();
//! let mut handle = map.handle();
//! let mut pinned = handle.pin();
//! let all = pinned.snapshot().version().iter();
//! drop(pinned);
//! all.count();
//! ```
//!
//! ```compile_fail,E0505
//! let map = structures::ChainingLockFree::<u64, u64>::default();
//! let handle = map.handle();
//! drop(map);
//! drop(handle);
//! ```
