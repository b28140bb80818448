//! Memory of the process.

/// The largest resident set that the process has had.
///
/// On Linux it is `VmHWM`, not `ru_maxrss`: that one starts, in a process just started, at the
/// peak of the process that started it.
#[must_use]
pub fn peak_rss_bytes() -> Option<u64> {
    let high_water = std::fs::read_to_string("/proc/self/status").ok();
    high_water.as_deref().and_then(parse_high_water).or_else(from_rusage)
}

/// `VmHWM` of the text of `/proc/self/status`, in bytes.
fn parse_high_water(status: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
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
    fn high_water_is_parsed() {
        let status = "Name:\tbench\nVmPeak:\t   11000 kB\nVmHWM:\t    8708 kB\nVmRSS:\t 4 kB\n";
        assert_eq!(parse_high_water(status), Some(8708 * 1024));
        assert_eq!(parse_high_water("Name:\tbench\n"), None);
        assert_eq!(parse_high_water("VmHWM:\t many kB\n"), None);
    }

    #[test]
    fn the_peak_covers_what_was_touched() {
        let size = 64 << 20;
        let touched = std::hint::black_box(vec![1_u8; size]);
        assert!(peak_rss_bytes().expect("it can be read") >= size as u64);
        assert!(from_rusage().expect("it can be read") >= size as u64);
        drop(touched);
    }
}
