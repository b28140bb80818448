//! Trials that take turns: the messages to and from the process of such a trial, between two slices of its time.
//!
//! The processes of several trials are alive together, and one of them works while the others sleep, so that
//! all see the same machine. A trial says [`Said::Ready`] when it has prefilled its table and warmed up. From
//! then on it reacts to messages: at [`Told::Slice`] its workers run, and it reports what they did
//! ([`Said::Counted`]); at [`Told::End`] it checks its table and reports its measurements
//! ([`Said::Measured`]). A message is a line of JSON.

use std::io::{BufRead, Write};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::conductor::{Conductor, Counted, Slice};
use crate::trial::Measurement;

/// What a trial is told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// It is its turn.
    Slice(Slice),
    /// It has had all its turns.
    End,
}

/// What a trial says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// It is prefilled and warm, and sleeps.
    Ready,
    /// It has had a slice, and sleeps.
    Counted(Counted),
    /// It is over.
    Measured(Box<Measurement>),
}

/// A trial that is told by lines of text when it is its turn.
#[derive(Debug)]
pub struct ByTurns<R, W> {
    from: R,
    to: W,
}

impl<R: BufRead, W: Write> ByTurns<R, W> {
    /// Who speaks there, and listens here.
    pub fn new(from: R, to: W) -> Self {
        Self { from, to }
    }

    fn hear(&mut self) -> anyhow::Result<Told> {
        let mut line = String::new();
        self.from.read_line(&mut line).context("cannot hear whose turn it is")?;
        ensure!(!line.is_empty(), "the process that assigns turns is gone");
        serde_json::from_str(&line).context("cannot understand whose turn it is")
    }
}

impl<R: BufRead, W: Write> Conductor for ByTurns<R, W> {
    fn next(&mut self, last: Option<&Counted>) -> anyhow::Result<Option<Slice>> {
        let said = last.map_or(Said::Ready, |counted| Said::Counted(*counted));
        self.to.write_all(&line(&said)?).context("nobody listens any more")?;
        self.to.flush().context("nobody listens any more")?;
        match self.hear()? {
            Told::End => Ok(None),
            Told::Slice(slice) => {
                let Slice { seconds, settle } = slice;
                ensure!(slice.is_sound(), "a slice of {seconds} s cannot settle for {settle} s");
                Ok(Some(slice))
            }
        }
    }
}

/// A message as it is sent.
///
/// # Errors
///
/// None that a message can cause.
pub fn line(message: &impl Serialize) -> anyhow::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_done_and_what_is_done_is_said() {
        let slice = Slice { seconds: 0.5, settle: 0.25 };
        let told = [line(&Told::Slice(slice)).unwrap(), line(&Told::End).unwrap()].concat();
        let mut said = Vec::new();
        let mut conductor = ByTurns::new(&told[..], &mut said);
        assert_eq!(conductor.next(None).unwrap(), Some(slice));
        let counted = Counted { seconds: 0.2, ops: 7, ..Counted::default() };
        assert_eq!(conductor.next(Some(&counted)).unwrap(), None);
        let error = conductor.next(Some(&counted)).unwrap_err().to_string();
        assert!(error.contains("is gone"), "{error}");
        let said = String::from_utf8(said).unwrap();
        let said: Vec<Said> =
            said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(said, [Said::Ready, Said::Counted(counted), Said::Counted(counted)]);
    }

    #[test]
    fn a_slice_without_a_counted_part_is_refused() {
        for (seconds, settle) in [(0.5, 0.5), (0.5, 0.7), (0.0, 0.0), (-1.0, -2.0), (1e300, 0.0)] {
            let told = line(&Told::Slice(Slice { seconds, settle })).unwrap();
            let error = ByTurns::new(&told[..], Vec::new()).next(None).unwrap_err().to_string();
            assert!(error.contains("cannot settle for"), "{error}");
        }
        assert!(Slice { seconds: 0.5, settle: 0.0 }.is_sound());
    }
}
