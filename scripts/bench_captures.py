"""Made-up traffic for measuring: captures that are the same at every run and on every machine.

http    TCP as a web server sends it. Of a hundred packets 45 are full, 24 have any length, 30 are bare acknowledgements,
        which Ethernet pads to 60 bytes, and one has the head of a request. Half of the bodies are text, half are noise.
vxlan   the same frames in VXLAN, VNI 4097.
esp     frames of the same lengths as ESP in tunnel mode, with noise for ciphertext.
mixed   the three in turn.
small   frames of 64 bytes: UDP with 22 bytes of payload, of which one in a hundred is the head of a request.

Checksums are zero. All lengths are right, so that every program finds the same packets. A shorter capture is the beginning
of a longer one.
"""

import functools
import os
import random
import struct
import zlib

KINDS = ["http", "vxlan", "esp", "mixed", "small"]
SEED = 14
# A packet every four microseconds, from a day in November 2026 on.
BEGUN, MICROSECONDS = 1_795_000_000, 4
# Little-endian, microseconds, version 2.4, Ethernet (draft-ietf-opsawg-pcap).
FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 1)

FULL = 1448
ETHERNET = bytes.fromhex("020000000002 020000000001 0800")
NODES = bytes([192, 0, 2, 1, 192, 0, 2, 2])
SERVER = bytes([10, 0, 0, 2])
WORDS = "the GET it POSTed of and to in page request response server client is that for with on as by".split()
# The bytes of text and of noise that bodies are cut from. They are more than the window of zstd, which would otherwise
# find every body again.
POOL = 8 << 20
POOLS_CRC = 0x389FE7E9


@functools.cache
def pools():
    """Noise and text. No pattern of the measurements is in the noise, also not without regard to case."""
    dice = random.Random(SEED)
    text = " ".join(WORDS[int(dice.random() * len(WORDS))] for _ in range(POOL // 4)).encode()
    noise, text = dice.randbytes(POOL), text[:POOL]
    if zlib.crc32(noise + text) != POOLS_CRC:
        raise SystemExit("this Python draws other random numbers from a seed: its captures cannot be compared with those of others")
    return noise, text


class Traffic:
    """The frames of one kind, endlessly."""

    def __init__(self, kind):
        # Python promises that random() draws the same numbers in all releases, but not so of randrange().
        self.random = random.Random(SEED).random
        self.noise, self.text = pools()
        self.number = 0
        self.next = getattr(self, kind)

    def below(self, end):
        return int(self.random() * end)

    def body(self, length):
        pool = self.noise if self.random() < 0.5 else self.text
        start = self.below(POOL - FULL)
        return pool[start : start + length]

    def ipv4(self, protocol, addresses, length):
        """The Ethernet and IPv4 headers in front of so many bytes."""
        return ETHERNET + struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 1, 0x4000, 64, protocol, 0) + addresses

    def client(self):
        return bytes([10, 0, self.below(256), 1 + self.below(254)])

    def length(self):
        """The length of a TCP payload. Those of 0 are bare acknowledgements; `None` stands for the head of a request."""
        of_hundred = self.below(100)
        if of_hundred < 45:
            return FULL
        if of_hundred < 69:
            return 60 + self.below(1200)
        return 0 if of_hundred < 99 else None

    def http(self):
        length = self.length()
        if length is None:
            payload = b"GET /%x HTTP/1.1\r\nHost: web\r\nAccept: */*\r\n\r\n" % self.below(1 << 20)
        else:
            payload = self.body(length)
        port = 1024 + self.below(60_000)
        tcp = struct.pack(">HHIIBBHHHQI", port, 80, 1, 1, 0x80, 0x18, 256, 0, 0, 0x0101080A00000001, 1)
        frame = self.ipv4(6, self.client() + SERVER, 32 + len(payload)) + tcp + payload
        return frame if len(frame) >= 60 else frame.ljust(60, b"\0")

    def vxlan(self):
        """RFC 7348: the UDP header, then the flags and the VNI."""
        inner = self.http()
        port = 49_152 + self.below(16_384)
        udp = struct.pack(">HHHHII", port, 4789, 16 + len(inner), 0, 0x0800_0000, 4097 << 8)
        return self.ipv4(17, NODES, 16 + len(inner)) + udp + inner

    def esp(self):
        """AES-GCM with an ICV of 16 bytes (RFC 4106): the IV, a ciphertext in words of four bytes, the ICV."""
        length = self.length()
        plain = 66 + (45 if length is None else length)
        length = 8 + (plain + 2 + 3) // 4 * 4 + 16
        start = self.below(POOL - length)
        esp = struct.pack(">II", 0x9AA3EE15, self.number) + self.noise[start : start + length]
        return self.ipv4(50, NODES, len(esp)) + esp

    def mixed(self):
        return (self.http, self.vxlan, self.esp)[self.number % 3]()

    def small(self):
        if self.below(100) == 0:
            payload = b"GET /%06x HTTP/1.1\r\n" % self.below(1 << 24)
        else:
            payload = self.body(22)
        udp = struct.pack(">HHHH", 1024 + self.below(60_000), 80, 30, 0)
        return self.ipv4(17, self.client() + SERVER, 30) + udp + payload


def write(path, kind, size=None, packets=None):
    """Writes a capture of at least `size` bytes, or of so many packets. Returns the number of its packets."""
    traffic, written, record = Traffic(kind), len(FILE_HEADER), struct.Struct("<IIII").pack
    with open(path, "wb", buffering=1 << 20) as out:
        out.write(FILE_HEADER)
        while written < size if packets is None else traffic.number < packets:
            frame = traffic.next()
            seconds, rest = divmod(traffic.number * MICROSECONDS, 1_000_000)
            out.write(record(BEGUN + seconds, rest, len(frame), len(frame)) + frame)
            written += 16 + len(frame)
            traffic.number += 1
    return traffic.number


def size_of(kind, mebibytes):
    """The bytes of a kind's capture. A byte of small frames takes the programs several times as long."""
    return (mebibytes << 20) * 2 // 5 if kind == "small" else mebibytes << 20


def version():
    """Changes with this file."""
    with open(__file__, "rb") as source:
        return "%08x" % zlib.crc32(source.read())


def path_of(folder, kind, mebibytes):
    return os.path.join(folder, f"{version()}-{kind}-{mebibytes}.pcap")


def there(folder, kind, mebibytes):
    return os.path.exists(path_of(folder, kind, mebibytes))


def cached(folder, kind, mebibytes):
    """The path of a capture, which is made if it is not there. What an earlier version of this file made is removed."""
    path = path_of(folder, kind, mebibytes)
    if not os.path.exists(path):
        for name in os.listdir(folder):
            if not name.startswith(version()):
                os.remove(os.path.join(folder, name))
        write(path + ".part", kind, size_of(kind, mebibytes))
        os.rename(path + ".part", path)
    return path


def remove(folder, kind):
    """Removes the captures of a kind, of all sizes."""
    for name in os.listdir(folder):
        if name.split("-")[1:2] == [kind]:
            os.remove(os.path.join(folder, name))
