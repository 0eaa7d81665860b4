"""Decodes every capture of a directory with ovlsniff and with tshark, searches it with ovlsniff and with ngrep, and prints
the classes of their disagreement: how many packets each has, an example, and the reason where one is known.

Usage: corpus.py OVLSNIFF DIRECTORY…

The exit status is 1 if a class has no reason in corpus_reasons.py, or if ovlsniff crashed or did not come to an end.

tshark is asked for the addresses of each IP header, from the outermost to the innermost, and for the innermost ports.
These are compared, frame by frame, with the records of `ovlsniff --json --all`. A class is named by the protocols from
the first place on where the two differ. ngrep and ovlsniff each write the frames that match to a file, and the two
files are compared. A capture that its own program cannot read is counted and left out.
"""

import concurrent.futures
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field

from corpus_reasons import MATCHING, DECODING

LIMIT = 60  # seconds for one program and one capture
PATTERNS = ["HTTP", "[a-z]{4}", "^.", "\\x00\\x01"]

FIELDS = ["frame.number", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
          "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport"]
# The bytes after these are quotations of packets, or messages, and no layers of this packet.
ENDS = {"icmp", "icmpv6", "igmp"}
PORTS = {"tcp", "udp", "sctp"}
# A frame of its own begins with these.
LINKS = {"eth", "ppp", "wlan"}
# A datagram is put together by both; a stream by neither.
SETTINGS = ["tcp.desegment_tcp_streams:FALSE", "ip.defragment:TRUE", "ipv6.defragment:TRUE",
            "esp.enable_null_encryption_decode_heuristic:FALSE", "esp.enable_encryption_decode:FALSE"]


@dataclass
class Layers:
    """One packet: the pairs of addresses from the outermost to the innermost IP header, the innermost ports, and the
    names of its protocols."""
    pairs: list = field(default_factory=list)
    ports: tuple = None
    names: list = field(default_factory=list)
    # For each pair, the number of names in front of it.
    places: list = field(default_factory=list)
    note: str = ""

    def add(self, source, destination):
        pair = (source, destination)
        # AH and ESP in transport mode stand between one IP header and its payload.
        if not self.pairs or self.pairs[-1] != pair:
            self.pairs.append(pair)
            self.places.append(len(self.names))


@dataclass
class Result:
    """The comparison of one capture."""
    decoding: Counter = field(default_factory=Counter)
    matching: Counter = field(default_factory=Counter)
    examples: dict = field(default_factory=dict)
    packets: int = 0
    agreed: int = 0
    searches: int = 0
    unread: str = ""
    fault: str = ""


def run(command, **more):
    environment = dict(os.environ, LC_ALL="C.UTF-8", TZ="UTC", **more)
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT, env=environment)


def by_tshark(path, profile):
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=/t"]
    for name in FIELDS:
        command += ["-e", name]
    for setting in SETTINGS:
        command += ["-o", setting]
    # Port 8472 is Linux' for VXLAN. IANA gave it to another protocol, which is tshark's choice.
    command += ["-d", "udp.port==8472,vxlan"]
    packets = {}
    for line in run(command, WIRESHARK_CONFIG_DIR=profile).stdout.decode("utf-8", "replace").splitlines():
        values = dict(zip(FIELDS, line.split("\t")))
        left = {name: [value for value in text.split(",") if value] for name, text in values.items()}
        take = lambda name: left[name].pop(0) if left.get(name) else None
        layers = Layers()
        for name in values.get("frame.protocols", "").split(":"):
            if name in ("ip", "ipv6"):
                source, destination = take(name + ".src"), take(name + ".dst")
                if source and destination:
                    layers.add(source, destination)
                    layers.ports = None
            elif name in LINKS:
                layers.ports = None
            elif name in PORTS:
                layers.ports = (take(name + ".srcport"), take(name + ".dstport"))
                layers.ports = None if None in layers.ports else layers.ports
            layers.names.append(name)
            if name in ENDS:
                break
        if values["frame.number"].isdigit():
            packets[int(values["frame.number"])] = layers
    return packets


def ours(record):
    layers = Layers()
    for wrapping in reversed(record["encapsulations"]):
        level(layers, wrapping["outer"])
        layers.names.append(wrapping["kind"])
    level(layers, record)
    for member in ("opaque", "stop"):
        if member in record:
            found = record[member]
            layers.note += f" {member}:" + (found.get("kind") or f"{found['layer']}-{found['why']}")
    return layers


def level(layers, headers):
    flow = headers.get("flow")
    layers.ports = None
    if not flow:
        return
    layers.add(flow["source"], flow["destination"])
    layers.names.append("ipv6" if ":" in flow["source"] else "ip")
    layers.names.append(flow.get("protocol") or f"protocol-{flow['protocol_number']}")
    if "source_port" in flow:
        layers.ports = (str(flow["source_port"]), str(flow["destination_port"]))


def by_ovlsniff(program, path):
    done = run([program, "--no-drop", "-r", path, "--json", "--all", ""])
    if done.returncode < 0 or b"panicked" in done.stderr:
        raise RuntimeError(f"ovlsniff ended by {done.returncode}: {done.stderr[-300:]!r}")
    records = [json.loads(line) for line in done.stdout.splitlines()]
    error = done.stderr.decode("utf-8", "replace").splitlines()[-1:] if done.returncode == 2 else []
    return {record["number"]: record for record in records}, "".join(error)


def common(one, other):
    """Returns the number of pairs that two packets have in common, from the outermost on."""
    count = 0
    for left, right in zip(one, other):
        if left != right:
            break
        count += 1
    return count


def rest(layers, pairs):
    """Returns the names behind the pairs that are in common."""
    start = layers.places[pairs - 1] if pairs else 0
    return ":".join(layers.names[start:][:8]) or "nothing"


def difference(we, they):
    """Returns the name of the class, or None if the two agree."""
    if we.pairs == they.pairs and (we.ports == they.ports):
        return None
    same = common(we.pairs, they.pairs)
    kind = ("ports differ" if we.pairs == they.pairs else
            "tshark goes on" if same == len(we.pairs) else
            "ovlsniff goes on" if same == len(they.pairs) else "addresses differ")
    return f"{kind} | ovlsniff {rest(we, same)}{we.note} | tshark {rest(they, same)}"


def decoding(result, program, path, profile):
    records, error = by_ovlsniff(program, path)
    packets = by_tshark(path, profile)
    if not packets:
        result.unread = error or "tshark cannot read it"
        return
    if error:
        result.unread = error
    joined = {}
    for number, record in records.items():
        joined[number] = record["frames"]
    # Frames whose datagram was completed by a later one have no record of their own.
    for number, they in packets.items():
        if number not in records:
            continue
        result.packets += 1
        name = difference(ours(records[number]), they)
        if name is None:
            result.agreed += 1
        else:
            note(result, result.decoding, f"link {records[number]['link_type']} | {name}", path, number)
    missing = len(packets) - sum(joined.values())
    if missing and not error:
        who = "ovlsniff has no record of" if missing > 0 else "tshark does not show"
        note(result, result.decoding, f"{who} a frame", path, missing)


def frames(path):
    """Returns the bytes of each packet of a pcap file. Its times are left out: programs write odd ones differently."""
    with open(path, "rb") as file:
        data = file.read()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    found, at = [], 24
    while at + 16 <= len(data):
        captured, = struct.unpack(order + "I", data[at + 8:at + 12])
        found.append(data[at + 16:at + 16 + captured])
        at += 16 + captured
    return found


def looked_at(plain, folder):
    """Returns the packets that ngrep looks at: its filter is IP below at most one VLAN tag."""
    out = os.path.join(folder, "ip.pcap")
    for expression in ("(ip || ip6) || (vlan && (ip || ip6))", "ip || ip6"):
        if run(["tcpdump", "-r", plain, "-w", out, "-Z", "root", expression]).returncode == 0:
            return set(frames(out))
    return None


def leftover(frame):
    """Says where an Ethernet frame has bytes behind an IPv4 packet, or behind the datagram in it."""
    if frame[12:15] != b"\x08\x00\x45":
        return ""
    total = int.from_bytes(frame[16:18], "big")
    padded = " padded" if len(frame) > 14 + total else ""
    short = frame[23] == 17 and int.from_bytes(frame[38:40], "big") + 20 < total
    return padded + (" short-udp" if short else "")


def matching(result, program, path, folder):
    plain = os.path.join(folder, "plain.pcap")
    if run(["editcap", "-F", "pcap", path, plain]).returncode:
        return
    everything, seen = frames(plain), looked_at(plain, folder)
    if seen is None:
        return
    records = by_ovlsniff(program, plain)[0]
    for pattern in PATTERNS:
        found = {}
        for who, command in {
            "ovlsniff": [program, "--no-drop", "-q", "-r", plain, "-O", "OUT", "-e", pattern],
            "ngrep": ["ngrep", "-q", "-R", "-W", "none", "-I", plain, "-O", "OUT", "--", pattern],
        }.items():
            out = os.path.join(folder, who + ".pcap")
            if os.path.exists(out):
                os.remove(out)
            done = run([out if word == "OUT" else word for word in command])
            if who == "ngrep" and (done.returncode not in (0, 1) or b"unsupported" in done.stderr):
                return
            found[who] = set(frames(out)) if os.path.exists(out) else set()
        result.searches += 1
        for number, frame in enumerate(everything, 1):
            us, them = frame in found["ovlsniff"], frame in found["ngrep"]
            if us == them or frame not in seen:
                continue
            record = records.get(number)
            what = "part of a datagram"
            if record:
                layers = ours(record)
                what = ":".join(layers.names) + layers.note
                flow = record.get("flow") or {}
                what += " fragment" if "fragment" in flow or record["frames"] > 1 else ""
                what += leftover(frame) if record["link_type"] == 1 else ""
            name = f"link {record['link_type'] if record else '?'} | {'ovlsniff' if us else 'ngrep'} only | {what}"
            note(result, result.matching, name, path, number)


def note(result, counter, name, path, number):
    counter[name] += 1
    result.examples.setdefault(name, f"{os.path.basename(path)} #{number}")


def compare(program, path):
    result = Result()
    with tempfile.TemporaryDirectory() as folder:
        try:
            decoding(result, program, path, folder)
            matching(result, program, path, folder)
        except (subprocess.TimeoutExpired, RuntimeError) as error:
            who = error.cmd[0] if isinstance(error, subprocess.TimeoutExpired) else ""
            if os.path.basename(who) in ("tshark", "ngrep", "editcap"):
                result.unread = f"{who} did not come to an end"
            else:
                result.fault = str(error)
    return path, result


def captures(directories):
    for directory in directories:
        if os.path.isfile(directory):
            yield directory
        for folder, _, names in os.walk(directory):
            for name in sorted(names):
                path = os.path.join(folder, name)
                with open(path, "rb") as file:
                    magic = file.read(4)
                if magic in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
                             b"\x0a\x0d\x0d\x0a", b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34"):
                    yield path


def reason(table, name):
    return next((why for pattern, why in table if re.search(pattern, name)), None)


def report(title, counter, examples, table):
    unexplained = 0
    print(f"\n{title}: {sum(counter.values())} packets in {len(counter)} classes")
    for why, names in sorted(grouped(counter, table).items(), key=lambda item: (item[0] is not None, -sum(item[1].values()))):
        print(f"  {sum(names.values()):7} {why or 'UNEXPLAINED'}")
        unexplained += 0 if why else sum(names.values())
        for name, count in names.most_common(None if why is None else 3):
            print(f"          {count:7} {name}   ({examples[name]})")
    return unexplained


def grouped(counter, table):
    groups = {}
    for name, count in counter.items():
        groups.setdefault(reason(table, name), Counter())[name] = count
    return groups


def main():
    program, *directories = sys.argv[1:]
    if not directories:
        sys.exit("corpus: name a directory with captures")
    paths = sorted(set(captures(directories)))
    total, faults, unread = Result(), [], []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for path, result in pool.map(lambda path: compare(program, path), paths):
            total.decoding += result.decoding
            total.matching += result.matching
            total.packets += result.packets
            total.agreed += result.agreed
            total.searches += result.searches
            total.examples = {**result.examples, **total.examples}
            faults += [f"{path}: {result.fault}"] if result.fault else []
            unread += [f"{os.path.basename(path)}: {result.unread}"] if result.unread else []
    print(f"{len(paths)} captures, {total.packets} packets compared, {total.agreed} agree; {total.searches} searches compared with ngrep")
    unexplained = report("Decoding", total.decoding, total.examples, DECODING)
    unexplained += report("Matching", total.matching, total.examples, MATCHING)
    if unread:
        print(f"\nNot read to their end: {len(unread)}")
        print("\n".join("  " + line for line in unread))
    for line in faults:
        print(f"FAULT {line}")
    print(f"\n{unexplained} packets in unexplained classes, {len(faults)} faults")
    sys.exit(1 if unexplained or faults else 0)


main()
