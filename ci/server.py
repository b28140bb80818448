"""Replies of `bench serve` against those of memcached, byte for byte.

    server.py compare OURS MEMCACHED ROUNDS SEED
    server.py record MEMCACHED FILE

Both servers are sent the same conversations, drawn at random: most requests are right, many are nearly so. A
conversation is sent whole, and its end with it; what comes back is compared up to the connection's end. CAS
numbers differ between servers: they are learned from each, sent back to each, and struck out in replies. `record`
keeps conversations and memcached's replies for a test that needs no memcached. `compare` has conversations in the binary
protocol, too.
"""

import json
import random
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KEYS = [b"a", b"b", b"counter", b"k" * 250, b"caf\xc3\xa9"]
# Of a number from 2**63 on memcached 1.6.18 looks for a minus sign as far as the next byte of 0, also behind the value, and
# takes it for no number if it finds one there. So none is drawn, and tests have what wraps.
NUMBERS = [b"0", b"1", b"2", b"5", b"+3", b"-0", b"576460752303423488", b"100"]
BAD_NUMBERS = [b"", b"x", b"-1", b"1x", b"18446744073709551616", b"--1", b"0x1"]
NEAR = [b"0", b"0", b"0", b"100", b"1000", b"-1"]
RETRIEVALS = [b"get", b"gets"]
STORES = [b"set", b"set", b"set", b"add", b"replace", b"append", b"prepend", b"cas"]


def value(rng):
    kind = rng.randrange(4)
    if kind == 0:
        return str(rng.randrange(1, 10 ** rng.randrange(1, 19))).encode()
    if kind == 1:
        # Of blanks alone memcached's incr reads on behind the value.
        return rng.choice([b"", b" 12", b"12 ", b"1a", b"-3", b"\r\nx", b"\0\xff"])
    return bytes(rng.randrange(256) for _ in range(rng.randrange(40)))


def number(rng):
    return rng.choice(BAD_NUMBERS) if rng.random() < 0.1 else rng.choice(NUMBERS)


def key(rng):
    return b"l" * 251 if rng.random() < 0.02 else rng.choice(KEYS)


def cas(rng):
    """A number that none has, or the one that the server itself has told of a key."""
    return b"{%d}" % rng.randrange(len(KEYS)) if rng.random() < 0.7 else rng.choice([b"0", b"-0", b"999999999", b"x"])


def data(rng, stored):
    # Sometimes with an end that is wrong.
    end = b"\r\n" if rng.random() < 0.95 else rng.choice([b"\n\n", b"xx", b"\r\r"])
    return stored + end


def store(rng):
    command, stored = rng.choice(STORES), value(rng)
    length = str(len(stored)).encode() if rng.random() < 0.95 else rng.choice([b"-1", b"x", b"2147483647"])
    # memcached takes the low 32 bits of a number that has more, which is refused here.
    own_flags = rng.choice([b"x", b"", b"-1", b"4294967295", b"+1"]) if rng.random() < 0.1 else b"7"
    words = [command, key(rng), own_flags, rng.choice(NEAR), length]
    if command == b"cas":
        words.append(cas(rng))
    if rng.random() < 0.1:
        words.append(b"noreply")
    return words, data(rng, stored)


def flags(rng, letters):
    chosen = []
    for letter in rng.sample(letters, rng.randrange(min(len(letters), 6))):
        letter = letter.encode()
        chosen.append(
            letter
            + {
                b"O": b"opaque"[: rng.randrange(7)],
                # What has expired already has no CAS number here.
                b"T": rng.choice(NEAR[:5]),
                b"N": rng.choice(NEAR[:5]),
                b"R": rng.choice([b"0", b"30", b"500"]),
                b"F": rng.choice([b"0", b"9", b"4294967295"]),
                b"C": cas(rng),
                b"D": number(rng),
                b"J": number(rng),
            }.get(letter, b"")
        )
    if rng.random() < 0.05 and chosen:
        chosen.append(rng.choice([chosen[0], b"!", b"Tx", b"Cx", b"\x80"]))
    # memcached's mg and ma do what they are to do before they say that this is wrong.
    if rng.random() < 0.05 and "v" not in letters:
        chosen.append(b"O" + b"o" * 32)
    return chosen


def meta(rng):
    kind, name = rng.randrange(5), key(rng)
    if kind == 0:
        return [b"mg", name, *flags(rng, "sctfkvquOTNR")], b""
    if kind == 1:
        stored = value(rng)
        mode = [b"M" + rng.choice([b"E", b"A", b"P", b"R", b"S", b"x", b""])] if rng.random() < 0.5 else []
        words = [b"ms", name, str(len(stored)).encode(), *flags(rng, "FTkOcqCI"), *mode]
        return words, data(rng, stored)
    if kind == 2:
        return [b"md", name, *flags(rng, "qkOCIT")], b""
    if kind == 3:
        mode = [b"M" + rng.choice([b"I", b"D", b"+", b"-", b"x"])] if rng.random() < 0.5 else []
        # Of a number that becomes longer memcached forgets T.
        letters = "NJDTqtcvkOC" if mode in ([b"MD"], [b"M-"]) else "NJDqtcvkOC"
        return [b"ma", rng.choice([b"counter", name]), *flags(rng, letters), *mode], b""
    return [b"mn"], b""


# Bytes of a value that no server takes, and how many requests have one: none that is recorded.
TOO_LARGE = 1_100_000
large_share = 0.0


def large(rng):
    """A value that is too large, and nothing else that is wrong: what follows a line is a line otherwise."""
    command = rng.choice([*STORES, b"ms", b"ms"])
    words = [command, rng.choice(KEYS)]
    if command == b"ms":
        words += [b"%d" % TOO_LARGE, *rng.choice([[], [b"q"], [b"MA"], [b"ME", b"q"], [b"Oabc", b"k"]])]
    else:
        words += [b"7", b"0", b"%d" % TOO_LARGE, *([b"999999999"] if command == b"cas" else [])]
        words += rng.choice([[], [b"noreply"]])
    return b" ".join(words) + b"\r\n" + b"v" * TOO_LARGE + b"\r\n"


def request(rng):
    if rng.random() < large_share:
        return large(rng)
    kind = rng.random()
    if kind < 0.3:
        words, after = store(rng)
    elif kind < 0.5:
        # At a key that is too long memcached forgets the replies before it, to other requests too.
        words, after = [rng.choice(RETRIEVALS), *(rng.choice(KEYS) for _ in range(rng.randrange(5)))], b""
    elif kind < 0.75:
        words, after = meta(rng)
    elif kind < 0.9:
        name = rng.choice([b"counter", key(rng)])
        words = rng.choice(
            [
                [rng.choice([b"incr", b"decr"]), name, number(rng)],
                [b"touch", name, rng.choice(NEAR)],
                [b"delete", name, *rng.choice([[], [], [b"0"], [b"1"]])],
                [rng.choice([b"gat", b"gats"]), rng.choice(NEAR + [b"x"]), rng.choice(KEYS)],
            ]
        )
        if rng.random() < 0.2 and not words[0].startswith(b"gat"):
            words.append(b"noreply")
        after = b""
    else:
        words = rng.choice(
            [[b"verbosity", b"1"], [b"verbosity"], [b"bogus", b"x"], [b""], [b"mx", b"k"], [b"get"], [b"quit2"]]
            + [[b"flush_all"], [b"flush_all", b"0"], [b"flush_all", b"x"], [b"flush_all", b"noreply"]]
            + [[b"flush_all", b"-1"], [b"mx", b"k", b"HTTP/1.0"]]
        )
        after = b""
    if rng.random() < 0.03:
        words.insert(rng.randrange(len(words) + 1), rng.choice([b"", b"junk", b"\t", b"0"]))
    blank = b"  " if rng.random() < 0.05 else b" "
    return blank.join(words) + (b"\r\n" if rng.random() < 0.9 else b"\n") + after


# At an end within a value memcached forgets the replies before it.
ENOUGH = b"\r\n" * 600


def conversations(rng):
    """Arithmetic is a conversation of its own: an item of which a reply is not written yet is not overwritten by
    memcached, but replaced, and then not padded. So is a value that is too large, which must not be taken for a line
    after one that was not understood."""
    texts = [b""]
    for _ in range(rng.randrange(1, 25)):
        line = request(rng)
        if len(line) > TOO_LARGE or line.strip().startswith((b"incr", b"decr", b"ma")):
            texts += [line, b""]
        else:
            texts[-1] += line
    return [text + ENOUGH for text in texts if text]


# The binary protocol.
GETS = [0x00, 0x09, 0x0C, 0x0D]
TOUCHES = [0x1C, 0x1D, 0x1E, 0x23, 0x24]
SETS = [0x01, 0x01, 0x01, 0x02, 0x03, 0x11, 0x12, 0x13]
JOINS = [0x0E, 0x0F, 0x19, 0x1A]
SUMS = [0x05, 0x06, 0x15, 0x16]
DELETES = [0x04, 0x14]
# Behind the key of what it does not know, and of a touch, memcached loses the place of the next packet.
OTHERS = [
    *[(0x0A, b"", b""), (0x08, b"", b""), (0x18, b"", b""), (0x1B, b"", b""), (0x77, b"", b"value")],
    *[(0x10, b"bogus", b""), (0x20, b"", b""), (0x21, b"PLAIN", b"me"), (0x22, b"PLAIN", b""), (0x0A, b"a", b"")],
]


def binary_request(rng):
    """A command with its extras, key and value, and the key whose CAS number it has."""
    kind = rng.random()
    seconds = struct.pack(">I", rng.choice([0, 0, 0, 100, 1000, 0xFFFFFFFF]))
    name, stored, extras = key(rng), b"", b""
    whose = rng.choice([None, None, None, rng.randrange(len(KEYS)), len(KEYS)])
    if kind < 0.3:
        opcode, stored = rng.choice(SETS), value(rng)
        extras = struct.pack(">I", rng.choice([0, 7, 0xFFFFFFFF])) + seconds
    elif kind < 0.5:
        opcode = rng.choice(GETS)
    elif kind < 0.6:
        opcode, extras = rng.choice(TOUCHES), seconds
    elif kind < 0.7:
        opcode, stored = rng.choice(JOINS), value(rng)
    elif kind < 0.85:
        opcode, name = rng.choice(SUMS), rng.choice([b"counter", name])
        extras = struct.pack(">QQ", rng.choice([0, 1, 5, 2**59]), rng.choice([0, 10])) + seconds
    elif kind < 0.93:
        opcode = rng.choice(DELETES)
    else:
        opcode, name, stored = rng.choice(OTHERS)
    if kind < 0.93 and rng.random() < 0.02:
        extras += b"\0"
    return opcode, extras, name, stored, whose


def binary_conversations(rng):
    """As of lines, arithmetic is a conversation of its own."""
    texts = [[]]
    for _ in range(rng.randrange(1, 25)):
        asked = binary_request(rng)
        if asked[0] in SUMS:
            texts += [[asked], []]
        else:
            texts[-1].append(asked)
    return [text for text in texts if text]


def packets(text, numbers):
    """A conversation with the CAS numbers that a server has told."""
    sent = b""
    for opcode, extras, name, stored, whose in text:
        cas = 0 if whose is None else int(numbers.get(whose, 999999999))
        body = extras + name + stored
        lengths = (len(name), len(extras), 0, 0, len(body))
        sent += struct.pack(">BBHBBHIIQ", 0x80, opcode, *lengths, 0xDEADBEEF, cas) + body
    return sent


def struck_packets(reply):
    """Without CAS numbers, but for whether there is one."""
    kept = b""
    while len(reply) >= 24:
        end = 24 + int.from_bytes(reply[8:12], "big")
        cas = b"#" if any(reply[16:24]) else b"0"
        kept += reply[:16] + cas * 8 + reply[24:end]
        reply = reply[end:]
    return kept + reply


def told(sent):
    """Puts the CAS numbers that a server has told into a conversation for it."""

    def of(match):
        return sent.get(int(match.group(1)), b"999999999")

    return lambda text: re.sub(rb"\{(\d)\}", of, text)


class Server:
    def __init__(self, command):
        self.folder = tempfile.TemporaryDirectory()
        self.path = f"{self.folder.name}/socket"
        # One shard, so that both count alike.
        words = [*command, "-s", self.path, "-m", "16", "-t", "1"]
        self.process = subprocess.Popen(words, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if self.listens():
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        self.stop()
        raise SystemExit(f"{words} does not listen")

    def listens(self):
        # The socket is there some time before anybody listens.
        with socket.socket(socket.AF_UNIX) as stream:
            return stream.connect_ex(self.path) == 0

    def say(self, text):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(20)
            stream.connect(self.path)
            stream.sendall(text)
            stream.shutdown(socket.SHUT_WR)
            parts = []
            try:
                while part := stream.recv(1 << 16):
                    parts.append(part)
            except ConnectionResetError:
                pass
            return b"".join(parts)

    def learn(self):
        """The CAS number of each key."""
        numbers = {}
        for place, name in enumerate(KEYS):
            found = re.match(rb"VALUE \S+ \d+ \d+ (\d+)\r\n", self.say(b"gets " + name + b"\r\n"))
            if found:
                numbers[place] = found.group(1)
        return numbers

    def stop(self):
        self.process.terminate()
        try:
            code = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        self.folder.cleanup()
        return code


# Seconds from which on a deadline is not told: fifteen years from the start they are rounded here.
LATE = 400_000_000


def seconds_struck(match):
    seconds = int(match[2])
    return match[1] + (b"#" if seconds > LATE else b"%d" % (-(-seconds // 10) * 10))


def struck(reply):
    """Without CAS numbers; seconds that are left are rounded up to tens, since time goes by."""
    status = rb"(?:HD|EX|NF|NS|VA \d+)(?: [^\r\n ]+)*? "
    reply = re.sub(b"(" + status + rb"t)(\d+)", seconds_struck, reply)
    reply = re.sub(rb"(VALUE \S+ \d+ \d+) \d+\r\n", rb"\1 #\r\n", reply)
    return re.sub(b"(" + status + rb"c)[1-9]\d*", rb"\1#", reply)


def compare(ours, memcached, rounds, seed):
    global large_share
    large_share = 0.003
    rng = random.Random(seed)
    requests = 0
    servers = []
    try:
        servers.append(Server(ours))
        # Its maintainer too has hold of items at times, which are then replaced and not overwritten.
        servers.append(Server([*memcached, "-o", "no_lru_maintainer,no_lru_crawler"]))
        for round_ in range(rounds):
            texts, binary = conversations(rng), binary_conversations(rng)
            requests += sum(text.count(b"\n") - ENOUGH.count(b"\n") for text in texts)
            requests += sum(len(text) for text in binary)
            sent, replies = [], []
            for server in servers:
                sent.append([told(server.learn())(text) for text in texts])
                replies.append([struck(server.say(text)) for text in sent[-1]])
                numbers = server.learn()
                asked = [packets(text, numbers) for text in binary]
                sent[-1] += asked
                replies[-1] += [struck_packets(server.say(text)) for text in asked]
            if replies[0] != replies[1]:
                print(f"round {round_} of seed {seed} differs")
                print(f"asked:     {sent[0]!r}\nours:      {replies[0]!r}\nmemcached: {replies[1]!r}")
                return 1
            if round_ % 20 == 19:
                for server in servers:
                    server.say(b"flush_all\r\n")
        print(f"{rounds} conversations, about {requests} lines and packets: the same replies")
        return 0
    finally:
        codes = [server.stop() for server in servers]
        if codes and codes[0] != 0:
            raise SystemExit(f"ours ended with {codes[0]}")


def record(memcached, file):
    rng = random.Random(1)
    lines = []
    server = Server([*memcached, "-o", "no_lru_maintainer,no_lru_crawler"])
    for _ in range(60):
        # From nothing: a test can begin anywhere.
        server.say(b"".join(b"delete " + name + b"\r\n" for name in KEYS))
        for text in conversations(rng):
            text = told({})(text.removesuffix(ENOUGH) + b"\r\n" * 4)
            reply = struck(server.say(text))
            lines.append([text.decode("latin1"), reply.decode("latin1")])
        lines.append(None)
    lines = [json.dumps(line) for line in lines]
    server.stop()
    Path(file).write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} lines in {file}")
    return 0


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["compare", ours, memcached, rounds, seed]:
            sys.exit(compare(ours.split(), memcached.split(), int(rounds), int(seed)))
        case ["record", memcached, file]:
            sys.exit(record(memcached.split(), file))
        case _:
            sys.exit(__doc__)
