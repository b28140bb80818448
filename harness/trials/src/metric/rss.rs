//! Memory of the process.

/// The largest resident set that the process has had.
///
/// On Linux it is `VmHWM`, not `ru_maxrss`: that one starts, in a process just started, at the
/// peak of the process that started it.
#[must_use]
pub fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok();
    status.and_then(|status| parse(&status, "VmHWM:")).or_else(from_rusage)
}

/// The resident set of the process now, where the system tells: Linux.
#[must_use]
pub fn rss_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// The resident set of another process now, and the largest that it has had, where the system tells: Linux.
#[must_use]
pub fn rss_bytes_of(pid: u32) -> (Option<u64>, Option<u64>) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    (parse(&status, "VmRSS:"), parse(&status, "VmHWM:"))
}

/// The field `name` of the text of `/proc/self/status`, in bytes.
fn parse(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn from_rusage() -> Option<u64> {
    use nix::sys::resource::{UsageWho, getrusage};
    let peak = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
    // Apple counts bytes, everyone else kibibytes.
    Some(if cfg!(target_vendor = "apple") { peak } else { peak * 1024 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn high_water_and_resident_set_are_parsed() {
        let status = "Name:\tbench\nVmPeak:\t   11000 kB\nVmHWM:\t    8708 kB\nVmRSS:\t 4 kB\n";
        assert_eq!(parse(status, "VmHWM:"), Some(8708 * 1024));
        assert_eq!(parse(status, "VmRSS:"), Some(4 * 1024));
        assert_eq!(parse("Name:\tbench\n", "VmHWM:"), None);
        assert_eq!(parse("VmHWM:\t many kB\n", "VmHWM:"), None);
    }

    #[test]
    fn the_peak_covers_what_was_touched() {
        let size = 64 << 20;
        let touched = std::hint::black_box(vec![1_u8; size]);
        assert!(peak_rss_bytes().expect("it can be read") >= size as u64);
        assert!(from_rusage().expect("it can be read") >= size as u64);
        let now = rss_bytes();
        assert!(now.is_some() || !cfg!(target_os = "linux"));
        assert!(now.is_none_or(|now| now >= size as u64), "{now:?}");
        drop(touched);
    }
}
