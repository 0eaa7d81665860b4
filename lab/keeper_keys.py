"""Speaks the keeper's protocol, as a process would that somebody has taken over, and looks for keys in all that it is told.

keeper_keys.py OVLSNIFF SCOPE ESP-KEY AH-KEY, both in hexadecimal and of SAs that this network namespace has
"""

import base64
import hashlib
import os
import socket
import struct
import subprocess
import sys
import time

XFRM, KEYS, GENERIC = 6, 255, 16
GETSA, NEWSA = 0x12, 0x10
program, scope, esp, ah = sys.argv[1], sys.argv[2], *map(bytes.fromhex, sys.argv[3:5])

ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
keeper = subprocess.Popen([program, "--keep-privileges", scope, "0"], stdin=theirs)
theirs.close()
assert ours.recv(8) == b"\0", "no keeper"


def ask(request, descriptors=()):
    """Returns what is handed over, None if the request is refused."""
    socket.send_fds(ours, [request], list(descriptors))
    reply, handed, _, _ = socket.recv_fds(ours, 65536, 1)
    assert not has_key(reply), "a key in a reply"
    return handed[0] if reply[:1] == b"\0" and handed else None


def has_key(told, keys=(esp, ah)):
    """True if four bytes of a key in a row are in it."""
    return any(key[at : at + 4] in told for key in keys for at in range(len(key) - 3))


def message(kind, flags, body=b""):
    return struct.pack("=IHHII", 16 + len(body), kind, flags, 1, 0) + body


def answers(part, said):
    """Returns all that the kernel answers to a message."""
    handed = ask(bytes([17, part]) + said)
    if handed is None:
        return b""
    with os.fdopen(handed, "rb") as memory:
        return memory.read()


def follow(part, *groups):
    """Returns the socket of notices."""
    handed = ask(bytes([2, part]) + struct.pack(f"={len(groups)}I", *groups))
    return None if handed is None else socket.socket(fileno=handed)


def heard(notices, limit=1.0):
    """Returns the notices that come within this time after the last one."""
    notices.settimeout(limit)
    try:
        while True:
            yield notices.recv(65536)
    except TimeoutError:
        pass


def add(spi, proto="esp"):
    kind = ["aead", "rfc4106(gcm(aes))", "0x" + esp.hex(), "64"]
    if proto == "ah":
        kind = ["auth-trunc", "hmac(sha256)", "0x" + ah.hex(), "128"]
    ends = f"src 198.51.100.1 dst 198.51.100.2 proto {proto} spi {spi:#x}".split()
    subprocess.run(["ip", "xfrm", "state", "add", *ends, "mode", "transport", *kind], check=True)
    return ends


# The facts of the SAs are there: the names of algorithms, and the lengths of keys and of ICVs in bits.
dump = message(GETSA, 0x301)
facts = answers(XFRM, dump)
for name, lengths in [(b"rfc4106(gcm(aes))", (8 * len(esp), 64)), (b"hmac(sha256)", (8 * len(ah), 128))]:
    assert name.ljust(64, b"\0") + struct.pack("=II", *lengths) in facts, f"no {name}"
assert not has_key(facts), "a key among the facts"

# Nothing else that can be said brings a key of AH, and with the scope of facts none at all.
hidden = (esp, ah) if scope == "facts" else (ah,)
one = socket.inet_aton("198.51.100.2").ljust(16, b"\0") + struct.pack(">I", 0x1001) + struct.pack("=HBx", 2, 50)
for part in range(256):
    for flags in (0x301, 5, 0x305):
        for body in (b"", one, bytes(224)):
            for kind in range(0x10, 0x30) if part in (0, XFRM, KEYS, GENERIC) else (GETSA,):
                assert not has_key(answers(part, message(kind, flags, body)), hidden), f"{part} {kind}"
    assert part == 0 or ask(bytes([0, part])) is None, f"a socket of {part} is handed over"
keys = answers(KEYS, dump)
assert has_key(keys, (esp,)) == (scope == "watch"), "the keys by which packets are opened"

# A WireGuard device tells its public key, and neither its own nor that which it shares with a peer. A kernel may have none.
def generic(wanted):
    """Returns the number of a part of generic netlink; None if the kernel does not have it."""
    told = answers(GENERIC, message(0x10, 0x301, bytes([3, 1, 0, 0])))
    at = told.find(struct.pack("=HH", 5 + len(wanted), 2) + wanted + b"\0")
    found = told.find(struct.pack("=HH", 6, 1), at) if at >= 0 else -1
    return None if found < 0 else struct.unpack_from("=H", told, found + 4)[0]


def wireguard():
    """Makes a device with a peer, and returns its index and its public key; the secrets are those of the arguments."""
    private, shared = hashlib.sha256(esp).digest(), hashlib.sha256(ah).digest()
    if subprocess.run(["ip", "link", "add", "wg-kept", "type", "wireguard"], stderr=subprocess.DEVNULL).returncode:
        return None
    for name, secret in [("private", private), ("shared", shared)]:
        with open(f"/tmp/{name}", "wb") as file:
            file.write(base64.b64encode(secret))
    peer = base64.b64encode(bytes(range(32))).decode()
    words = f"wg set wg-kept private-key /tmp/private peer {peer} preshared-key /tmp/shared endpoint 192.0.2.9:51820"
    subprocess.run(words.split(), check=True)
    public = subprocess.run(["wg", "show", "wg-kept", "public-key"], capture_output=True, check=True).stdout
    return socket.if_nametoindex("wg-kept"), base64.b64decode(public), (private, shared)


if device := wireguard():
    index, public, hidden = device
    question = bytes([0, 1, 0, 0]) + struct.pack("=HHI", 8, 1, index)
    told = answers(GENERIC, message(generic(b"wireguard"), 0x301, question))
    assert public in told and bytes(range(32)) in told and not has_key(told, hidden), "WireGuard"
    # The private key is clamped before it is kept.
    assert not has_key(told, (hidden[0][1:31],)), "WireGuard"
    print(f"{scope}: a WireGuard device without its keys")
    subprocess.run(["ip", "link", "delete", "wg-kept"], check=True)

# The same is so of notices.
assert follow(XFRM, 3) is None, "the group of SAs"
policies, sas = follow(XFRM, 4, 2, 5), follow(KEYS, 3)
assert (sas is not None) == (scope == "watch")
gone = [add(0x2001), add(0x2002, "ah")]
for ends in gone:
    subprocess.run(["ip", "xfrm", "state", "delete", *ends], check=True)
assert not has_key(b"".join(heard(policies)))
if sas:
    told = b"".join(heard(sas))
    assert has_key(told, (esp,)) and not has_key(told, (ah,)), "notices"
    assert b"hmac(sha256)" in told

# A thousand SAs are told in a moment.
lines = "".join(
    f"xfrm state add src 198.51.100.1 dst 198.51.100.2 proto esp spi {spi:#x} mode transport"
    f" aead rfc4106(gcm(aes)) 0x{esp.hex()} 64\n"
    for spi in range(0x10000, 0x10000 + 20000)
)
first, rest = lines.splitlines(True)[:1000], lines.splitlines(True)[1000:]
subprocess.run(["ip", "-batch", "-"], input="".join(first), text=True, check=True)
if sas:
    list(heard(sas))
begun = time.monotonic()
facts = answers(XFRM, dump)
print(f"{scope}: 1000 SAs, {len(facts)} bytes, {1000 * (time.monotonic() - begun):.1f} ms")
assert facts.count(b"rfc4106(gcm(aes))") == 1001 and not has_key(facts)

# Notices that nobody reads in time are lost, and that is said.
if sas:
    subprocess.run(["ip", "-batch", "-"], input="".join(rest), text=True, check=True)
    kinds = [struct.unpack_from("=H", notice, 4)[0] for notice in heard(sas)]
    assert kinds.count(NEWSA) < len(rest) and 4 in kinds, f"{len(kinds)} notices of {len(rest)}"
    print(f"{scope}: {kinds.count(NEWSA)} of {len(rest)} notices came, and the loss was told")
subprocess.run(["ip", "xfrm", "state", "flush"], check=True)
ours.close()
assert keeper.wait(5) == 0
add(0x1001)
add(0x1002, "ah")
