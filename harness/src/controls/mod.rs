//! Tables to calibrate by: what the harness itself costs, and what one thread reaches without
//! synchronisation.
pub mod no_op;
pub mod sequential;

pub use self::no_op::NoOp;
pub use self::sequential::Sequential;

/// Whether a structure of this name is a control: there for reference, no subject of a question.
#[must_use]
pub fn is_control(structure: &str) -> bool {
    matches!(structure, "no-op" | "sequential")
}
