//! The two ways to fail, and their exit codes.

use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what it was told.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or input: exit code 2.
    Usage(String),
    /// A run or a check failed: exit code 1.
    Run(anyhow::Error),
}

/// A [`Failure::Usage`].
pub fn usage(message: impl Into<String>) -> Failure {
    Failure::Usage(message.into())
}

impl Failure {
    /// The process's exit code.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Run(_) => ExitCode::from(1),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Run(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => f.write_str(message),
            Self::Run(error) => write!(f, "{error:#}"),
        }
    }
}
