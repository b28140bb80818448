//! Memory of a stated size, in pages that size classes keep for as long as they need them.
//!
//! | file | holds |
//! | --- | --- |
//! | `sizes` | [`Sizes`]: which chunk an item of a size gets |
//! | `arena` | [`Arena`]: pages, chunks, and an account of each byte |
//! | `pages` | [`Pages`]: the part of an arena that readers see |
//! | `usage` | [`Usage`]: the bytes of an arena, by their use |

mod arena;
mod pages;
mod sizes;
mod usage;

pub use self::arena::Arena;
pub(crate) use self::pages::Seen;
pub use self::pages::{Handle, Pages, try_boxed, try_collected};
pub use self::sizes::Sizes;
pub use self::usage::Usage;
