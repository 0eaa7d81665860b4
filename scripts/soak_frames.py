"""Frames for soak.py: flows that come and go, streams that never end, fragments that stay incomplete, ESP that nobody has the
key of, tunnels in tunnels, and the fixtures with a few bytes changed. The same seed gives the same frames."""

import pathlib
import random
import struct

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures"
LONGEST = 1500 + 14  # bytes of an Ethernet frame that a link with the usual MTU takes
NEEDLE = b"GET /needle HTTP/1.1\r\nHost: web\r\n\r\n"
TAGS = (b"\x81\x00", b"\x88\xa8")
MACS = bytes.fromhex("02000000000b02000000000a")


def checksum(data):
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(source, destination, protocol, body, ident=0, fragment=0):
    """An IPv4 header before body. Addresses are numbers; fragment is the word of flags and offset."""
    head = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(body), ident, fragment, 64, protocol, 0, source, destination)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def udp(sport, dport, payload):
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload


def tcp(source, destination, sport, dport, sequence, flags, payload):
    head = struct.pack("!HHIIBBHHH", sport, dport, sequence & 0xFFFFFFFF, 1, 0x50, flags, 512, 0, 0)
    pseudo = struct.pack("!IIBBH", source, destination, 0, 6, len(head) + len(payload))
    return head[:16] + struct.pack("!H", checksum(pseudo + head + payload)) + head[18:] + payload


def ether(body, kind=0x0800):
    return MACS + struct.pack("!H", kind) + body


def vxlan(vni, frame):
    return struct.pack("!II", 0x08 << 24, vni << 8) + frame


def geneve(vni, frame):
    return struct.pack("!HHI", 0, 0x6558, vni << 8) + frame


def fixture_frames():
    """The Ethernet frames of the fixtures that are classic captures of this byte order."""
    frames = []
    for path in sorted(FIXTURES.rglob("*.pcap")):
        raw = path.read_bytes()
        if len(raw) < 24 or struct.unpack_from("<I", raw)[0] != 0xA1B2C3D4 or struct.unpack_from("<I", raw, 20)[0] != 1:
            continue
        at = 24
        while at + 16 <= len(raw):
            length = struct.unpack_from("<I", raw, at + 8)[0]
            frame = raw[at + 16:at + 16 + length]
            if 14 <= len(frame) <= LONGEST:
                frames.append(frame)
            at += 16 + length
    return frames


class Frames:
    def __init__(self, seed=1):
        self.dice = random.Random(seed)
        self.known = fixture_frames()
        self.number = 0
        self.streams = []
        self.kinds = [self.needle, self.stream, self.stream, self.fragment, self.esp, self.nested, self.mutated, self.mutated]

    def next(self):
        """The next frame: 14 to LONGEST bytes, or 20 with a VLAN tag, because the kernel drops shorter ones before any socket
        for packets sees them (skb_vlan_untag)."""
        self.number += 1
        frame = self.dice.choice(self.kinds)()[:LONGEST]
        return frame + bytes(max(0, (20 if frame[12:14] in TAGS else 14) - len(frame)))

    def address(self):
        return 10 << 24 | self.dice.getrandbits(24)

    def bytes(self, most):
        return self.dice.randbytes(self.dice.randrange(most))

    def needle(self):
        """A datagram of a flow that was never there before, in a tunnel or outside."""
        source, destination = self.address(), self.address()
        inner = ip(source, destination, 17, udp(self.number & 0xFFFF, 8080, NEEDLE + self.bytes(200)))
        if self.number & 1:
            return ether(inner)
        return ether(ip(0xC0000201, 0xC0000202, 17, udp(49152, 4789, vxlan(4097, ether(inner)))))

    def stream(self):
        """A segment of one of many connections, in order or not. Most of them are never closed."""
        if not self.streams or self.dice.random() < 0.2:
            new = [self.address(), self.address(), self.dice.randrange(1024, 65536), self.dice.getrandbits(32)]
            self.streams = self.streams[-500:] + [new]
            source, destination, port, sequence = new
            return ether(ip(source, destination, 6, tcp(source, destination, port, 80, sequence, 0x02, b"")))
        stream = self.dice.choice(self.streams)
        source, destination, port, sequence = stream
        payload = (NEEDLE if self.dice.random() < 0.1 else b"") + self.bytes(700)
        jump = self.dice.choice([0, 0, 0, 0, 1, 400, -300, 1 << 20])
        flags = 0x11 if self.dice.random() < 0.02 else 0x18
        frame = ether(ip(source, destination, 6, tcp(source, destination, port, 80, sequence + 1 + jump, flags, payload)))
        if jump <= 0:
            stream[3] = (sequence + len(payload)) & 0xFFFFFFFF
        return frame

    def fragment(self):
        """A fragment whose datagram stays incomplete, or overlaps others of its datagram."""
        offset = self.dice.choice([0, 0, 1, 10, 100, 185, 8000])
        more = self.dice.choice([0, 0x2000])
        ident = self.dice.getrandbits(16 if self.dice.random() < 0.7 else 3)
        protocol = self.dice.choice([17, 6, 50, 47])
        return ether(ip(self.address(), 0xC0000202, protocol, self.bytes(1400) + b"12345678", ident, more | offset))

    def esp(self):
        """ESP of an SPI that no kernel has, in IP or in UDP, between addresses that no kernel has either."""
        body = struct.pack("!II", self.dice.getrandbits(32) | 0x100, self.dice.getrandbits(32)) + self.dice.randbytes(64) + self.bytes(900)
        outer = 0xC0000201, 0xC0000202 if self.dice.random() < 0.5 else self.address()
        if self.dice.random() < 0.3:
            return ether(ip(*outer, 17, udp(4500, 4500, body)))
        return ether(ip(*outer, 50, body))

    def nested(self):
        """Tunnels in tunnels, deeper than anybody decodes."""
        frame = ether(ip(self.address(), self.address(), 17, udp(1, 2, NEEDLE + self.bytes(60))))
        for _ in range(self.dice.randrange(1, 10)):
            vni, source, destination = self.dice.getrandbits(24), self.address(), self.address()
            kind = self.dice.randrange(4)
            if kind == 0:
                body = udp(self.dice.getrandbits(16), 4789, vxlan(vni, frame))
                frame = ether(ip(source, destination, 17, body))
            elif kind == 1:
                frame = ether(ip(source, destination, 17, udp(1, 6081, geneve(vni, frame))))
            elif kind == 2:
                frame = ether(ip(source, destination, 47, struct.pack("!HH", 0, 0x6558) + frame))
            else:
                frame = MACS + struct.pack("!HHH", 0x88A8, vni & 0xFFF, 0x8100) + struct.pack("!H", vni & 0xFFF) + frame[12:]
        return frame

    def mutated(self):
        """A frame of the fixtures, cut off, made longer, or with a few bytes changed."""
        frame = bytearray(self.dice.choice(self.known))
        for _ in range(self.dice.randrange(6)):
            at = self.dice.randrange(len(frame))
            what = self.dice.randrange(5)
            if what == 0:
                frame[at] = self.dice.getrandbits(8)
            elif what == 1:
                frame[at] ^= 1 << self.dice.randrange(8)
            elif what == 2:
                frame = frame[:max(at, 14)]
            elif what == 3:
                frame[at:at] = self.dice.randbytes(self.dice.randrange(16))
            else:
                frame[at:at] = frame[:at]
        return bytes(frame)
