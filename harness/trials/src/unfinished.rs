//! Files and folders that appear in one step: they are made beside their place, and then moved there.

use std::path::{Path, PathBuf};
use std::{fs, io, process};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;

/// How the hidden names end.
const END: &str = ".unfinished";

/// What is being made for a place, under a hidden name beside it. Who is stopped meanwhile, or finds the disk full, leaves
/// nothing at that place. Dropped, it is removed, unless it was [put](Self::put) there. What a process that was killed has
/// left is removed by the next one that makes something for that place.
#[derive(Debug)]
pub struct Unfinished<'p> {
    place: &'p Path,
    path: PathBuf,
}

impl<'p> Unfinished<'p> {
    /// Something for `place`, which nobody else of this process makes; nothing is made yet.
    ///
    /// # Errors
    ///
    /// `place` has no name, as `..` has none.
    pub fn beside(place: &'p Path) -> io::Result<Self> {
        let unnamed = || io::Error::new(io::ErrorKind::InvalidInput, "that is no name of a file");
        let name = place.file_name().ok_or_else(unnamed)?.to_string_lossy();
        let start = format!(".{name}.{:08x}-", machine());
        remove_left(place, &start);
        let path = place.with_file_name(format!("{start}{}{END}", process::id()));
        Ok(Self { place, path })
    }

    /// Where it is to be made.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to its place. A file that is there is replaced.
    ///
    /// # Errors
    ///
    /// It cannot be moved; then it is removed.
    pub fn put(self) -> io::Result<()> {
        fs::rename(&self.path, self.place)
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// What cannot be removed stays: an error that came before, or comes after, is the one that matters.
fn remove(path: &Path) {
    let _ = fs::remove_dir_all(path).or_else(|_| fs::remove_file(path));
}

/// Removes what processes that are gone have left beside `place`, under names that begin with `start`.
fn remove_left(place: &Path, start: &str) {
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let number = |name: &str| name.strip_prefix(start)?.strip_suffix(END)?.parse::<u32>().ok();
        if name.to_str().and_then(number).is_some_and(is_gone) {
            remove(&entry.path());
        }
    }
}

/// Whether no process of that number can be at it: one that had this one's has ended.
fn is_gone(number: u32) -> bool {
    let Ok(other) = i32::try_from(number) else { return false };
    number == process::id() || kill(Pid::from_raw(other), None) == Err(Errno::ESRCH)
}

/// What tells this machine from others that share its files, whose processes may be alive.
fn machine() -> u32 {
    let name = fs::read("/proc/sys/kernel/hostname");
    // Where it has no name, what this process has left is nobody else's.
    let name = name.unwrap_or_else(|_| process::id().to_ne_bytes().to_vec());
    let fnv = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    name.iter().fold(0x811C_9DC5, fnv)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_put_in_its_place_is_gone() {
        let folder = std::env::temp_dir().join(format!("unfinished-{}", process::id()));
        fs::create_dir(&folder).unwrap();
        let names = || -> Vec<String> {
            let entries = fs::read_dir(&folder).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let place = folder.join("x");
        for is_put in [false, true] {
            let file = Unfinished::beside(&place).unwrap();
            fs::write(file.path(), "whole").unwrap();
            assert!(names().len() == 1 && names()[0].starts_with(".x."), "{:?}", names());
            if is_put {
                file.put().unwrap();
            } else {
                drop(file);
                assert!(names().is_empty());
            }
        }
        assert_eq!(fs::read_to_string(&place).unwrap(), "whole");
        let other = Unfinished::beside(&place).unwrap();
        fs::create_dir_all(other.path().join("inner")).unwrap();
        assert!(other.put().is_err(), "a file is in its place");
        assert_eq!(names(), ["x"]);
        assert!(Unfinished::beside(Path::new("..")).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_the_dead_have_left_is_gone_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = process::Command::new("true").spawn().unwrap();
        let dead = child.id().to_string();
        child.wait().unwrap();
        let alive = std::os::unix::process::parent_id().to_string();
        let place = folder.path().join("x");
        let own = Unfinished::beside(&place).unwrap().path().to_owned();
        let own = own.file_name().unwrap().to_str().unwrap().to_owned();
        let of = |id: &str| own.replace(&format!("-{}.", process::id()), &format!("-{id}."));
        let (start, _) = own.rsplit_once('-').unwrap();
        let stay = [
            of(&alive),
            // Of another place, of another machine, and the user's.
            of(&dead).replacen(".x.", ".xy.", 1),
            of(&dead).replace(start, ".x.0"),
            of("0x1"),
            of(&dead).replace(END, ""),
            "x".to_owned(),
        ];
        for name in stay.iter().chain([&of(&dead), &own]) {
            fs::create_dir_all(folder.path().join(name).join("inner")).unwrap();
        }
        fs::write(folder.path().join(of("2147483647")), "a file").unwrap();
        drop(Unfinished::beside(&place).unwrap());
        let entries = fs::read_dir(&folder).unwrap();
        let mut left: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        let mut stay = stay.to_vec();
        stay.sort();
        left.sort();
        assert_eq!(left, stay);
    }
}
