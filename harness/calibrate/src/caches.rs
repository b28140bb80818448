//! The caches that the system tells of.

use std::fs;
use std::path::Path;

/// A cache for data, as the system tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToldCache {
    /// Its size.
    pub kib: usize,
    /// The lines of a set.
    pub ways: usize,
}

/// What the files under `root` say of the caches of the CPU of that number: levels 1, 2 and 3. One of which
/// nothing is said, or which is for instructions alone, is none.
#[must_use]
pub fn told(root: &Path, cpu: usize) -> [Option<ToldCache>; 3] {
    let folder = root.join(format!("sys/devices/system/cpu/cpu{cpu}/cache"));
    let mut told = [None; 3];
    for index in 0..16 {
        let folder = folder.join(format!("index{index}"));
        let text = |file: &str| Some(fs::read_to_string(folder.join(file)).ok()?.trim().to_owned());
        let number = |file: &str| text(file)?.trim_end_matches('K').parse::<usize>().ok();
        let (Some(level), Some(kind)) = (number("level"), text("type")) else { continue };
        let cache = number("size").zip(number("ways_of_associativity"));
        let cache = cache.filter(|(kib, ways)| *kib > 0 && *ways > 0 && kind != "Instruction");
        if let (Some(slot), Some((kib, ways))) = (told.get_mut(level.wrapping_sub(1)), cache) {
            *slot = Some(ToldCache { kib, ways });
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_for_data_are_told() {
        let root = std::env::temp_dir().join(format!("calibrate-caches-{}", std::process::id()));
        let caches = [
            ("1", "Data", "48K", "12"),
            ("1", "Instruction", "64K", "8"),
            ("2", "Unified", "1024K", "16"),
            // Fully associative, as some hypervisors say of what they do not know.
            ("3", "Unified", "32768K", "0"),
            ("4", "Unified", "131072K", "16"),
        ];
        for (index, (level, kind, size, ways)) in caches.into_iter().enumerate() {
            let folder = root.join(format!("sys/devices/system/cpu/cpu2/cache/index{index}"));
            fs::create_dir_all(&folder).expect("it can be made");
            for (file, text) in
                [("level", level), ("type", kind), ("size", size), ("ways_of_associativity", ways)]
            {
                fs::write(folder.join(file), format!("{text}\n")).expect("it can be written");
            }
        }
        let first = Some(ToldCache { kib: 48, ways: 12 });
        let second = Some(ToldCache { kib: 1024, ways: 16 });
        assert_eq!(told(&root, 2), [first, second, None]);
        assert_eq!(told(&root, 0), [None; 3]);
        fs::remove_dir_all(&root).expect("it was made");
    }
}
