//! Which protocol a connection speaks.

use super::binary::REQUEST;

/// Which protocol connections speak: memcached's `-B`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The one that a connection's first byte is of.
    #[default]
    Auto,
    /// The text and the meta protocol: lines.
    Ascii,
    /// The binary protocol: packets.
    Binary,
}

impl Protocol {
    /// Whether a connection that begins with this byte sends packets, and not lines.
    #[must_use]
    pub fn is_binary(self, first: u8) -> bool {
        match self {
            Self::Auto => first == REQUEST,
            Self::Ascii => false,
            Self::Binary => true,
        }
    }

    /// What `stats settings` calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto-negotiate",
            Self::Ascii => "ascii",
            Self::Binary => "binary",
        }
    }
}
