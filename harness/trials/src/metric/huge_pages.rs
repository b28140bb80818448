//! Huge pages of the process.

/// Memory of the process that is on huge pages now, whoever asked for them: the allocator's and
/// every thread's stack's are in it too. It walks the page tables, so read it outside of what is
/// measured.
///
/// On Linux it is `AnonHugePages` of `/proc/self/smaps_rollup`; elsewhere it is unknown.
#[must_use]
pub fn huge_page_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/smaps_rollup").ok()?)
}

/// `AnonHugePages` of the text of `smaps_rollup`, in bytes.
fn parse(rollup: &str) -> Option<u64> {
    let value = rollup.lines().find_map(|line| line.strip_prefix("AnonHugePages:"))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_found_and_its_unit_is_bytes() {
        let rollup = "55d0-7ffd ---p 00000000 00:00 0    [rollup]\nRss:     8768 kB\n\
                      Anonymous: 4 kB\nAnonHugePages:      6144 kB\nShmemPmdMapped:  0 kB\n";
        assert_eq!(parse(rollup), Some(6144 * 1024));
        assert_eq!(parse("Rss: 8768 kB\n"), None);
        assert_eq!(parse("AnonHugePages: many kB\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn it_can_be_read_here() {
        assert!(huge_page_bytes().is_some());
    }
}
