//! Tables to calibrate by: what the harness itself costs, and what one thread reaches without
//! synchronisation.
pub mod no_op;
pub mod sequential;

pub use self::no_op::NoOp;
pub use self::sequential::Sequential;

/// The control that keeps nothing.
pub(crate) const NO_OP: &str = "no-op";
/// The control for one thread, behind no lock.
pub(crate) const SEQUENTIAL: &str = "sequential";

/// Whether a structure of this name is a control: there for reference, no subject of a question.
#[must_use]
pub fn is_control(structure: &str) -> bool {
    matches!(structure, NO_OP | SEQUENTIAL)
}
