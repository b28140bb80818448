//! A program that stays the same for the whole command, even if it is rebuilt meanwhile.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, anyhow};

/// A program's file, held open.
///
/// Who builds a program anew removes its file and writes another, so that the open one is still what it
/// was; on Linux it is started by its descriptor. Who writes into the file itself changes it for all: then
/// it is not started again, here or elsewhere.
#[derive(Debug)]
pub struct ProgramFile {
    path: PathBuf,
    file: File,
    stamp: Stamp,
}

/// What changes with a file's contents: its length and when it was written.
type Stamp = (u64, Option<SystemTime>);

fn stamp(metadata: &Metadata) -> Stamp {
    (metadata.len(), metadata.modified().ok())
}

impl ProgramFile {
    /// The program in that file.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let what = || format!("cannot read the program {}", path.display());
        let file = File::open(path).with_context(what)?;
        let stamp = stamp(&file.metadata().with_context(what)?);
        Ok(Self { path: path.to_owned(), file, stamp })
    }

    /// Where it was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that is in it.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn bytes(&self) -> anyhow::Result<Vec<u8>> {
        let path = self.by_descriptor().unwrap_or_else(|| self.path.clone());
        let what = || format!("cannot read the program {}", self.path.display());
        std::fs::read(path).with_context(what)
    }

    /// A command that starts it.
    ///
    /// # Errors
    ///
    /// It is another program now.
    pub fn command(&self) -> anyhow::Result<Command> {
        let now = match self.by_descriptor() {
            Some(_) => self.file.metadata(),
            None => self.path.metadata(),
        };
        let is_same = now.is_ok_and(|now| stamp(&now) == self.stamp);
        if !is_same {
            return Err(self.has_changed());
        }
        Ok(Command::new(self.by_descriptor().unwrap_or_else(|| self.path.clone())))
    }

    /// Why it was not started, if the system says so: somebody may be writing it at this moment.
    pub(crate) fn not_started(&self, error: io::Error) -> anyhow::Error {
        let is_written = error.kind() == io::ErrorKind::ExecutableFileBusy;
        if is_written || self.command().is_err() { self.has_changed() } else { error.into() }
    }

    fn has_changed(&self) -> anyhow::Error {
        anyhow!(
            "{} has changed since this command began, so that its trials would not be of one program; \
             what was measured is kept, and the same command goes on from there with the program as it was; \
             trials of another one belong elsewhere (--out, --fresh)",
            self.path.display()
        )
    }

    /// Its path as the open file that it is, where the system has such.
    #[cfg(target_os = "linux")]
    fn by_descriptor(&self) -> Option<PathBuf> {
        use std::os::fd::AsRawFd;
        let path = PathBuf::from(format!("/proc/self/fd/{}", self.file.as_raw_fd()));
        path.exists().then_some(path)
    }

    #[cfg(not(target_os = "linux"))]
    fn by_descriptor(&self) -> Option<PathBuf> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_that_is_replaced_goes_on_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        fs::copy("/bin/true", &path).unwrap();
        let held = ProgramFile::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(held.command().unwrap().status().unwrap().success(), "its file is gone");
        fs::copy("/bin/false", &path).unwrap();
        assert!(held.command().unwrap().status().unwrap().success(), "it is another one");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn one_that_is_being_written_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        fs::copy("/bin/true", &path).unwrap();
        let held = ProgramFile::open(&path).unwrap();
        let writer = File::options().write(true).open(&path).unwrap();
        let error = held.command().unwrap().status().unwrap_err();
        assert!(held.not_started(error).to_string().contains("program has changed"));
        drop(writer);
        let other = io::Error::from(io::ErrorKind::OutOfMemory);
        assert_eq!(held.not_started(other).to_string(), "out of memory");
        assert!(held.command().unwrap().status().unwrap().success());
    }

    #[test]
    fn one_that_is_written_over_is_not_started() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        fs::copy("/bin/true", &path).unwrap();
        let held = ProgramFile::open(&path).unwrap();
        fs::write(&path, "no program at all").unwrap();
        let said = held.command().unwrap_err().to_string();
        assert!(said.contains("program has changed") && said.contains("goes on"), "{said}");
    }
}
