//! Files of text that users give, and compressed ones, which are not read.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

/// How files begin that a program has compressed, what it is called, and how they are unpacked.
const FORMATS: [(&[u8], &str, &str); 8] = [
    (b"\x1f\x8b", "gzip", "gzip -d"),
    (b"\x28\xb5\x2f\xfd", "zstd", "zstd -d"),
    (b"\xfd7zXZ\0", "xz", "xz -d"),
    (b"BZh", "bzip2", "bzip2 -d"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -d"),
    (b"\xff\x06\0\0sNaPpY", "snappy", "snzip -d"),
    (b"PK\x03\x04", "zip", "unzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x"),
];

/// A format in which a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compressed {
    /// Its name.
    pub format: &'static str,
    /// The command that unpacks such a file, without the file's name.
    pub unpack: &'static str,
}

/// The format of a file that begins with `start`, if it is compressed.
#[must_use]
pub fn compressed(start: &[u8]) -> Option<Compressed> {
    let (_, format, unpack) = FORMATS.into_iter().find(|(magic, ..)| start.starts_with(magic))?;
    Some(Compressed { format, unpack })
}

impl Compressed {
    /// What is to be done, of the file at `path`.
    pub fn help(self, path: &Path) -> String {
        format!("unpack it first, as by `{} {}`", self.unpack, path.display())
    }
}

/// The text in the file at `path`, of at most `most` bytes.
///
/// # Errors
///
/// It cannot be read, is longer, or is no text: then the message says whether it is compressed.
pub fn read_text(path: &Path, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    let wrong = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    if bytes.len() as u64 > most {
        return Err(wrong(format!("it has more than {most} bytes")));
    }
    if let Some(found) = compressed(&bytes) {
        let (format, help) = (found.format, found.help(path));
        return Err(wrong(format!("it is compressed ({format}); {help}")));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        wrong(format!("it is no text: byte {at} begins no character of UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("e.toml");
        let error = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            read_text(&path, 10).unwrap_err().to_string()
        };
        assert!(error(b"\x1f\x8b\x08").starts_with("it is compressed (gzip); unpack it first"));
        assert_eq!(error(b"ab\xffc"), "it is no text: byte 2 begins no character of UTF-8");
        fs::write(&path, "ä").unwrap();
        assert_eq!(read_text(&path, 2).unwrap(), "ä");
        assert_eq!(read_text(&path, 1).unwrap_err().to_string(), "it has more than 1 bytes");
    }

    #[test]
    fn formats_are_known_by_their_start() {
        let format = |start: &[u8]| compressed(start).map(|found| found.format);
        assert_eq!(format(b"\x28\xb5\x2f\xfd\x04\x58"), Some("zstd"));
        assert_eq!(format(&[0x1f, 0x8b, 8, 0]), Some("gzip"));
        assert_eq!(format(b"\xfd7zXZ\0\0\x04"), Some("xz"));
        assert_eq!(format(b"BZh91AY"), Some("bzip2"));
        for plain in [&b""[..], b"0,a3f,16,200,7,get,0\n", b"lftrace1", b"title = 1", b"PK"] {
            assert_eq!(format(plain), None);
        }
    }
}
