//! Controls: tables that show the cost of the harness itself, and the rate of one thread without
//! synchronisation.

pub mod no_op;
pub mod sequential;

use kernel::{NO_RECLAIMER, Registrar, in_both_forms};

pub use self::no_op::NoOp;
pub use self::sequential::Sequential;

/// Both of them.
#[must_use]
pub fn registrar() -> Registrar {
    let mut registrar = Registrar::new();
    let control = "a control: nothing to reclaim";
    registrar.add("no-op", control, |o| NoOp::with_capacity_and_hasher(o.capacity, o.hasher()));
    registrar.add("sequential", control, |o| {
        Sequential::with_capacity_and_hasher(o.capacity, o.hasher())
    });
    in_both_forms! { registrar:
        "no-op", NO_RECLAIMER => |o, hasher| NoOp::with_capacity_and_hasher(o.capacity, hasher);
        "sequential", NO_RECLAIMER => |o, hasher|
            Sequential::with_capacity_and_hasher(o.capacity, hasher);
    }
    registrar
}
