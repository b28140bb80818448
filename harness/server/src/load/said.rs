//! What the server under load says by `stats`, read.

/// What a server says of itself by `stats`, as far as it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct ServerSaid {
    pub(super) pid: Option<u32>,
    pub(super) version: Option<String>,
    pub(super) user: Option<f64>,
    pub(super) system: Option<f64>,
    pub(super) items: Option<u64>,
}

impl ServerSaid {
    pub(super) fn read(text: &str) -> Self {
        let stat = |name: &str| {
            let mut lines =
                text.lines().filter_map(|line| line.strip_prefix("STAT ")?.split_once(' '));
            lines.find(|(found, _)| *found == name).map(|(_, value)| value.trim())
        };
        Self {
            pid: stat("pid").and_then(|pid| pid.parse().ok()),
            version: stat("version").map(str::to_owned),
            user: stat("rusage_user").and_then(|time| time.parse().ok()),
            system: stat("rusage_system").and_then(|time| time.parse().ok()),
            items: stat("curr_items").and_then(|items| items.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_say_little() {
        let said = ServerSaid::read("STAT version 1.6.18\r\nSTAT rusage_user 1.500000\r\nEND\r\n");
        assert_eq!((said.version.as_deref(), said.user), (Some("1.6.18"), Some(1.5)));
        assert_eq!((said.system, said.items), (None, None));
        assert_eq!(ServerSaid::read("ERROR\r\n"), ServerSaid::default());
    }
}
