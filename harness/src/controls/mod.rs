//! Tables to calibrate by: what the harness itself costs, and what one thread reaches without
//! synchronisation.
pub mod no_op;
pub mod sequential;

pub use self::no_op::NoOp;
pub use self::sequential::Sequential;
