//! The caches that the system tells of.

use std::fs;
use std::path::{Path, PathBuf};

use virtual_cores::LINE;

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
    let mut told = [None; 3];
    for (level, folder) in for_data(root, cpu) {
        let number = |file: &str| text(&folder, file)?.trim_end_matches('K').parse::<usize>().ok();
        let cache = number("size").zip(number("ways_of_associativity"));
        // One that has room for the lines of a set.
        let cache = cache.filter(|(kib, ways)| *ways > 0 && *kib * 1024 >= *ways * LINE);
        if let (Some(slot), Some((kib, ways))) = (told.get_mut(level.wrapping_sub(1)), cache) {
            *slot = Some(ToldCache { kib, ways });
        }
    }
    told
}

/// The first of the CPUs that share the last cache, that of level 3, of the CPU of that number: it tells two such
/// caches apart. None if the files under `root` do not say.
pub(crate) fn first_sharer(root: &Path, cpu: usize) -> Option<usize> {
    let (_, folder) = for_data(root, cpu).find(|(level, _)| *level == 3)?;
    first_of(&text(&folder, "shared_cpu_list")?)
}

/// The first number of a list such as `0-3,8`.
pub(crate) fn first_of(list: &str) -> Option<usize> {
    list.trim().split([',', '-']).next()?.parse().ok()
}

/// Each cache for data of the CPU of that number: its level, and the folder with what is said of it.
fn for_data(root: &Path, cpu: usize) -> impl Iterator<Item = (usize, PathBuf)> {
    let folder = root.join(format!("sys/devices/system/cpu/cpu{cpu}/cache"));
    (0..16).filter_map(move |index| {
        let folder = folder.join(format!("index{index}"));
        let level = text(&folder, "level")?.parse::<usize>().ok()?;
        let is_for_data = text(&folder, "type")? != "Instruction";
        is_for_data.then_some((level, folder))
    })
}

/// The text of a file, without white space around it.
fn text(folder: &Path, file: &str) -> Option<String> {
    Some(fs::read_to_string(folder.join(file)).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_for_data_are_told() {
        let root = std::env::temp_dir().join(format!("calibrate-caches-{}", std::process::id()));
        let caches = [
            ("1", "Data", "48K", "12", "2"),
            ("1", "Instruction", "64K", "8", "2"),
            ("2", "Unified", "1024K", "16", "2,66"),
            // Fully associative, as some hypervisors say of what they do not know.
            ("3", "Unified", "32768K", "0", "1-7,65-71"),
            ("4", "Unified", "131072K", "16", "0-63"),
        ];
        for (index, (level, kind, size, ways, sharers)) in caches.into_iter().enumerate() {
            let folder = root.join(format!("sys/devices/system/cpu/cpu2/cache/index{index}"));
            fs::create_dir_all(&folder).expect("it can be made");
            for (file, text) in [
                ("level", level),
                ("type", kind),
                ("size", size),
                ("ways_of_associativity", ways),
                ("shared_cpu_list", sharers),
            ] {
                fs::write(folder.join(file), format!("{text}\n")).expect("it can be written");
            }
        }
        let first = Some(ToldCache { kib: 48, ways: 12 });
        let second = Some(ToldCache { kib: 1024, ways: 16 });
        assert_eq!(told(&root, 2), [first, second, None]);
        assert_eq!(told(&root, 0), [None; 3]);
        assert_eq!((first_sharer(&root, 2), first_sharer(&root, 0)), (Some(1), None));
        fs::remove_dir_all(&root).expect("it was made");
    }
}
