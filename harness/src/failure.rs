//! The two ways to fail, and their exit codes.

use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what it was told.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or input: exit code 2.
    Usage(String),
    /// The same, of a file's text: the message shows the place and begins with its own `error:`.
    Text(String),
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
        ExitCode::from(self.code())
    }

    /// What is shown, without the word that it begins with.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Usage(message) => message.clone(),
            Self::Text(message) => message.trim_end().to_owned(),
            Self::Run(error) => format!("{error:#}"),
        }
    }

    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Text(_) => 2,
            Self::Run(_) => 1,
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Run(error)
    }
}

/// As it is shown to the user.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) => write!(f, "error: {message}"),
            Self::Text(message) => f.write_str(message.trim_end()),
            Self::Run(error) => write!(f, "error: {error:#}"),
        }
    }
}
