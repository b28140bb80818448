//! A connection: requests that wait for an answer, and answers.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

use memchr::memchr;

use super::values::is_value;

/// A request that waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The keys that it asks for; `None` if it stores.
    pub(super) keys: Option<Vec<u64>>,
    /// When it was due, in nanoseconds since the start; none of a store of what was missed.
    pub(super) due: Option<u64>,
    /// When it was sent.
    pub(super) sent: u64,
}

/// What a request was answered.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) hits: u64,
    /// The keys that were asked for and not there.
    pub(super) missed: Vec<u64>,
    pub(super) wrong: u64,
    /// 1 if it was refused.
    pub(super) errors: u64,
}

/// A connection without its socket.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// What is to be sent.
    pub(super) out: Vec<u8>,
    sent: usize,
    input: Vec<u8>,
    read: usize,
    pub(super) waiting: VecDeque<Waiting>,
    /// Of the first request that waits, as far as its answer has come.
    answer: Answer,
    /// Its next key that was not answered.
    next: usize,
}

/// Why a load ends that gets one answer too many.
const NOT_ASKED: &str = "the server has answered what nobody has asked";

impl Client {
    /// Requests that were due and wait.
    pub(super) fn waiting_due(&self) -> u64 {
        self.waiting.iter().filter(|waiting| waiting.due.is_some()).count() as u64
    }

    /// Sends what the socket takes.
    pub(super) fn send(&mut self, socket: &mut impl Write) -> io::Result<()> {
        while self.sent < self.out.len() {
            match socket.write(&self.out[self.sent..]) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.out.clear();
        self.sent = 0;
        Ok(())
    }

    /// Reads what has come.
    pub(super) fn receive(&mut self, socket: &mut impl Read, room: &mut [u8]) -> io::Result<()> {
        loop {
            match socket.read(room) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(bytes) => self.input.extend_from_slice(&room[..bytes]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next request that is answered in full, and its answer. Values have `bytes` bytes.
    ///
    /// # Errors
    ///
    /// There is an answer, and nobody waits for one.
    pub(super) fn answered(
        &mut self,
        bytes: usize,
        room: &mut Vec<u8>,
    ) -> io::Result<Option<(Waiting, Answer)>> {
        loop {
            let rest = &self.input[self.read..];
            let Some(end) = memchr(b'\n', rest) else {
                self.input.drain(..self.read);
                self.read = 0;
                return Ok(None);
            };
            let line = rest[..end].trim_ascii_end();
            let Some(waiting) = self.waiting.front() else {
                return Err(io::Error::new(ErrorKind::InvalidData, NOT_ASKED));
            };
            let mut words = line.split(|&byte| byte == b' ');
            let kind = words.next().unwrap_or_default();
            let len = match kind {
                b"VALUE" => words.nth(2),
                b"VA" => words.next(),
                _ => None,
            };
            // No value is as long as 32 bits can say.
            let len = len.and_then(|len| std::str::from_utf8(len).ok()?.parse::<u32>().ok());
            let Some(len) = len.map(|len| len as usize) else {
                let is_right = match &waiting.keys {
                    Some(_) => matches!(kind, b"END" | b"EN"),
                    None => matches!(kind, b"STORED" | b"HD"),
                };
                self.read += end + 1;
                return Ok(Some(self.end(is_right)));
            };
            let keys = waiting.keys.as_deref().unwrap_or_default();
            if rest.len() < end + 1 + len + 2 {
                return Ok(None);
            }
            let value = &rest[end + 1..end + 1 + len];
            // A `get` answers the keys that are there, in their order.
            let mut is_right = false;
            while let Some(&key) = keys.get(self.next) {
                self.next += 1;
                if kind == b"VA" || line[6..].starts_with(&key_text(key)) {
                    is_right = is_value(key, value, bytes, room);
                    break;
                }
                self.answer.missed.push(key);
            }
            let is_meta = kind == b"VA";
            self.answer.hits += u64::from(is_right);
            self.answer.wrong += u64::from(!is_right);
            self.read += end + 1 + len + 2;
            if is_meta {
                return Ok(Some(self.end(true)));
            }
        }
    }

    /// The first request's answer has ended: as it must, or not.
    fn end(&mut self, is_right: bool) -> (Waiting, Answer) {
        let waiting = self.waiting.pop_front().expect("somebody waits");
        let mut answer = std::mem::take(&mut self.answer);
        answer.errors += u64::from(!is_right);
        if is_right && let Some(keys) = &waiting.keys {
            answer.missed.extend(&keys[self.next..]);
        }
        self.next = 0;
        (waiting, answer)
    }
}

fn key_text(key: u64) -> Vec<u8> {
    let mut text = Vec::with_capacity(super::values::KEY);
    super::values::push_key(key, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::super::values::push_value;
    use super::*;

    /// What of `reply` is made, cut at any place, by one who has asked for keys 1 to 3 and then stored.
    fn answers(reply: &[u8], cut: usize) -> Vec<(u64, Vec<u64>, u64, u64)> {
        let mut client = Client::default();
        for keys in [Some(vec![1, 2, 3]), None] {
            client.waiting.push_back(Waiting { keys, due: Some(0), sent: 0 });
        }
        let mut all = Vec::new();
        for part in [&reply[..cut], &reply[cut..]] {
            client.input.extend_from_slice(part);
            while let Some((_, answer)) = client.answered(16, &mut Vec::new()).unwrap() {
                all.push((answer.hits, answer.missed, answer.wrong, answer.errors));
            }
        }
        all
    }

    #[test]
    fn an_answer_too_many_is_an_error() {
        let mut client = Client::default();
        client.waiting.push_back(Waiting { keys: None, due: Some(0), sent: 0 });
        client.input.extend_from_slice(b"STORED\r\nSTO");
        let mut is_answered = |more: &[u8]| {
            client.input.extend_from_slice(more);
            client.answered(16, &mut Vec::new()).map(|answer| answer.is_some())
        };
        assert!(is_answered(b"").unwrap());
        assert!(!is_answered(b"RED\r").unwrap(), "it has not ended");
        assert_eq!(is_answered(b"\n").unwrap_err().to_string(), NOT_ASKED);
    }

    #[test]
    fn a_store_of_what_was_missed_was_not_due() {
        let mut client = Client::default();
        for due in [Some(1), None, Some(0)] {
            client.waiting.push_back(Waiting { keys: None, due, sent: 5 });
        }
        assert_eq!(client.waiting_due(), 2);
    }

    fn value(named: u64, of: u64) -> Vec<u8> {
        let mut text = [b"VALUE ", &key_text(named)[..], b" 0 16\r\n"].concat();
        push_value(of, 9, 16, &mut text);
        text.extend_from_slice(b"\r\n");
        text
    }

    #[test]
    fn answers_are_understood_however_they_are_cut() {
        let right = [value(1, 1), value(3, 3), b"END\r\nSTORED\r\n".to_vec()].concat();
        let wrong = [value(1, 1), value(2, 3), b"END\r\nSERVER_ERROR full\r\n".to_vec()].concat();
        for cut in 0..right.len() {
            assert_eq!(answers(&right, cut), [(2, vec![2], 0, 0), (0, vec![], 0, 0)]);
            let expected = [(1, vec![3], 1, 0), (0, vec![], 0, 1)];
            assert_eq!(answers(&wrong, cut.min(wrong.len())), expected);
        }
    }
}
