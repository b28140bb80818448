//! The parameters of a load on a server, in a case.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a server that answers each command with a constant.
pub const FLOOR: &str = "floor";

/// How a load asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// `get` of a key; `depth` requests are sent at a time.
    #[default]
    Get,
    /// `get` of `depth` keys.
    Multiget,
    /// `mg` of a key; `depth` requests are sent at a time.
    Mg,
    /// `set`; `depth` requests are sent at a time.
    Set,
}

/// How a load reaches its server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TCP, over the loopback address.
    #[default]
    Tcp,
    /// A Unix socket.
    Unix,
}

impl Pattern {
    /// All.
    pub const ALL: [Self; 4] = [Self::Get, Self::Multiget, Self::Mg, Self::Set];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Multiget => "multiget",
            Self::Mg => "mg",
            Self::Set => "set",
        }
    }

    /// That of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|pattern| pattern.name() == name)
    }
}

impl Transport {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tcp, Self::Unix];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Unix => "unix",
        }
    }

    /// That of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|transport| transport.name() == name)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a case says of a server, whose name is its `structure` and whose event loops are its `threads`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerLoad {
    /// How it is asked.
    pub pattern: Pattern,
    /// Requests that a connection sends at a time; of [`Pattern::Multiget`], keys of a request.
    pub depth: u32,
    /// Connections.
    pub connections: u32,
    /// How it is reached.
    pub transport: Transport,
    /// Memory for items, in MiB: the flag `-m`.
    pub mib: u32,
    /// Whether what was missed is stored.
    pub look_aside: bool,
}

impl Default for ServerLoad {
    fn default() -> Self {
        Self {
            pattern: Pattern::Get,
            depth: 1,
            connections: 16,
            transport: Transport::Tcp,
            mib: 64,
            look_aside: false,
        }
    }
}

impl ServerLoad {
    /// Whether each request is sent by itself: only then it has a time of its own.
    #[must_use]
    pub fn has_single_requests(&self) -> bool {
        self.depth == 1 || self.pattern == Pattern::Multiget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_files_are_those_of_json() {
        for pattern in Pattern::ALL {
            assert_eq!(Pattern::named(pattern.name()), Some(pattern));
            assert_eq!(serde_json::to_string(&pattern).unwrap(), format!("\"{pattern}\""));
        }
        for transport in Transport::ALL {
            assert_eq!(Transport::named(transport.name()), Some(transport));
            assert_eq!(serde_json::to_string(&transport).unwrap(), format!("\"{transport}\""));
        }
    }
}
