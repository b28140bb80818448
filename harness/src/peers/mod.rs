//! Other crates' tables as [`ConcurrentMap`](structures::map::ConcurrentMap)s.
//!
//! Each adapter uses its crate as the crate's own documentation tells a user to, with the
//! crate's defaults, and says where that is weaker than the contract of
//! [`PinnedMap`](structures::map::PinnedMap).
pub mod arc_swap_imbl;
pub mod dashmap;
pub mod flurry;
pub mod imbl_cas;
pub mod papaya;
pub mod scc_hashindex;
pub mod scc_hashmap;
pub mod sharded_rwlock;
pub mod std_rwlock;

pub use self::arc_swap_imbl::ArcSwapImbl;
pub use self::dashmap::Dashmap;
pub use self::flurry::Flurry;
pub use self::imbl_cas::{Imbl, ImblCas};
pub use self::papaya::Papaya;
pub use self::scc_hashindex::SccHashIndex;
pub use self::scc_hashmap::SccHashMap;
pub use self::sharded_rwlock::ShardedRwLock;
pub use self::std_rwlock::StdRwLock;
