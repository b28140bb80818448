//! Facts about the machine, from the files of the running system.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A cache, as the first CPU sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheLevel {
    /// 1 is the nearest.
    pub level: u32,
    /// `data`, `instruction` or `unified`.
    pub kind: String,
    /// Its size.
    pub bytes: u64,
    /// How many CPUs share it.
    pub shared_by: usize,
}

/// The file system that the facts are read from; the tests make their own.
pub(super) struct Tree<'a>(pub(super) &'a Path);

impl Tree<'_> {
    /// A file's text without white space around it; nothing if that is empty.
    pub(super) fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        let text = fs::read_to_string(self.0.join(path)).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// The entries of a directory that are `prefix` and a number, by number.
    fn numbered(&self, dir: &str, prefix: &str) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.0.join(dir)) else { return Vec::new() };
        let mut found: Vec<(u32, PathBuf)> = entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().into_string().ok()?;
                let number = name.strip_prefix(prefix)?.parse().ok()?;
                Some((number, Path::new(dir).join(name)))
            })
            .collect();
        found.sort();
        found.into_iter().map(|(_, path)| path).collect()
    }

    pub(super) fn count(&self, dir: &str, prefix: &str) -> Option<usize> {
        Some(self.numbered(dir, prefix).len()).filter(|&count| count > 0)
    }

    /// Sockets, cores and hardware threads that are on line.
    pub(super) fn topology(&self) -> (Option<usize>, Option<usize>, Option<usize>) {
        let cores: Vec<(String, String)> = self
            .numbered("sys/devices/system/cpu", "cpu")
            .iter()
            .filter_map(|cpu| {
                let topology = cpu.join("topology");
                let socket = self.text(topology.join("physical_package_id"))?;
                Some((socket, self.text(topology.join("core_id"))?))
            })
            .collect();
        let count = |count: usize| Some(count).filter(|&count| count > 0);
        (
            count(cores.iter().map(|(socket, _)| socket).collect::<BTreeSet<_>>().len()),
            count(cores.iter().collect::<BTreeSet<_>>().len()),
            count(cores.len()),
        )
    }

    pub(super) fn turbo(&self) -> Option<bool> {
        let cpu = Path::new("sys/devices/system/cpu");
        let flag = |path: &str| match self.text(cpu.join(path))?.as_str() {
            "0" => Some(false),
            "1" => Some(true),
            _ => None,
        };
        flag("intel_pstate/no_turbo").map(|off| !off).or_else(|| flag("cpufreq/boost"))
    }

    pub(super) fn caches(&self) -> Vec<CacheLevel> {
        let indices = self.numbered("sys/devices/system/cpu/cpu0/cache", "index");
        let cache = |index: &PathBuf| {
            let text = |file: &str| self.text(index.join(file));
            Some(CacheLevel {
                level: text("level")?.parse().ok()?,
                kind: text("type")?.to_lowercase(),
                bytes: parse_size(&text("size")?)?,
                shared_by: count_list(&text("shared_cpu_list")?)?,
            })
        };
        indices.iter().filter_map(cache).collect()
    }
}

/// The value of the first line `name : value`.
pub(super) fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then_some(value.trim())
    })
}

/// `MemTotal` of `/proc/meminfo`.
pub(super) fn parse_memory(text: &str) -> Option<u64> {
    let kibibytes: u64 = field(text, "MemTotal")?.strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The word in brackets.
pub(super) fn parse_chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// `PRETTY_NAME` of `/etc/os-release`.
pub(super) fn parse_os(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// A cache's size, as in `48K`.
fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix(['K', 'M']) {
        Some(number) if text.ends_with('K') => (number, 1 << 10),
        Some(number) => (number, 1 << 20),
        None => (text, 1),
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}

/// The length of a list such as `0-3,8`.
fn count_list(text: &str) -> Option<usize> {
    let length = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    text.split(',').map(length).sum()
}

/// The page size, from the auxiliary vector that the kernel gave the process.
pub(super) fn page_bytes() -> Option<u64> {
    let vector = fs::read("/proc/self/auxv").ok()?;
    parse_page_size(&vector)
}

/// The value of `AT_PAGESZ` in a vector of pairs of native words.
fn parse_page_size(vector: &[u8]) -> Option<u64> {
    const AT_PAGESZ: usize = 6;
    const WORD: usize = size_of::<usize>();
    let word = |bytes: &[u8]| Some(usize::from_ne_bytes(bytes.try_into().ok()?));
    vector.chunks_exact(2 * WORD).find_map(|pair| {
        (word(&pair[..WORD])? == AT_PAGESZ).then(|| word(&pair[WORD..]))?.map(|size| size as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_sizes_and_vectors() {
        assert_eq!(count_list("0-3,8"), Some(5));
        assert_eq!(count_list("3-1"), None);
        assert_eq!(count_list(""), None);
        assert_eq!((parse_size("48K"), parse_size("2M")), (Some(48 << 10), Some(2 << 20)));
        assert_eq!((parse_size("512"), parse_size("many")), (Some(512), None));
        let words: Vec<u8> =
            [3, 6, 6, 4096, 0, 0_usize].into_iter().flat_map(usize::to_ne_bytes).collect();
        assert_eq!(parse_page_size(&words), Some(4096));
        assert_eq!(parse_page_size(&words[..7]), None);
    }
}
