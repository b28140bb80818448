//! Packets of the binary protocol, as a client writes and reads them.

/// A request. Its opaque bytes tell the command again, so that a reply can be seen to repeat them.
pub(crate) fn packet(opcode: u8, extras: &[u8], key: &[u8], value: &[u8], cas: u64) -> Vec<u8> {
    let body = extras.len() + key.len() + value.len();
    let mut all = vec![0x80, opcode];
    all.extend_from_slice(&u16::try_from(key.len()).unwrap().to_be_bytes());
    all.extend_from_slice(&[u8::try_from(extras.len()).unwrap(), 0, 0, 0]);
    all.extend_from_slice(&u32::try_from(body).unwrap().to_be_bytes());
    all.extend_from_slice(&[opcode, 1, 2, 3]);
    all.extend_from_slice(&cas.to_be_bytes());
    [&all[..], extras, key, value].concat()
}

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) opcode: u8,
    pub(crate) status: u16,
    pub(crate) extras: Vec<u8>,
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) cas: u64,
}

/// The replies that these bytes are.
pub(crate) fn replies(mut bytes: &[u8]) -> Vec<Reply> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at_checked(24).expect("half a header");
        let number = |from: usize, to: usize| {
            head[from..to].iter().fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte))
        };
        assert_eq!((head[0], head[5]), (0x81, 0), "no reply");
        assert_eq!(head[12..16], [head[1], 1, 2, 3], "of another request");
        let (body, after) = rest.split_at_checked(number(8, 12) as usize).expect("half a body");
        let (extras, rest) = body.split_at_checked(number(4, 5) as usize).expect("half of extras");
        let (key, value) = rest.split_at_checked(number(2, 4) as usize).expect("half a key");
        all.push(Reply {
            opcode: head[1],
            status: number(6, 8) as u16,
            extras: extras.to_vec(),
            key: key.to_vec(),
            value: value.to_vec(),
            cas: number(16, 24),
        });
        bytes = after;
    }
    all
}
