//! Files and folders that are made in one step: beside their place, and then moved there.

use std::path::{Path, PathBuf};
use std::{fs, io, process};

/// What is being made for a place, under a hidden name beside it. Who is stopped meanwhile, or finds the disk full, leaves
/// nothing at that place. Dropped, it is removed, unless it was [put](Self::put) there.
#[derive(Debug)]
pub struct Unfinished<'p> {
    place: &'p Path,
    path: PathBuf,
}

impl<'p> Unfinished<'p> {
    /// Something for `place`; nothing is made yet.
    ///
    /// # Errors
    ///
    /// `place` has no name, as `..` has none.
    pub fn beside(place: &'p Path) -> io::Result<Self> {
        let unnamed = || io::Error::new(io::ErrorKind::InvalidInput, "that is no name of a file");
        let name = place.file_name().ok_or_else(unnamed)?.to_string_lossy();
        let path = place.with_file_name(format!(".{name}.{}", process::id()));
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
        // What cannot be removed stays: an error that came before is the one that matters.
        let _ = fs::remove_dir_all(&self.path).or_else(|_| fs::remove_file(&self.path));
    }
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
            assert_eq!(names(), [format!(".x.{}", process::id())]);
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
}
