"""Soaks the program: hostile traffic for a long time, in every mode side by side, and a judgement of what became of it.

Usage: soak.py OVLSNIFF [MINUTES] [--rate FRAMES] [--seed NUMBER]

`./x soak` starts it in a network and a mount namespace of its own. Two hosts get two cables: on one only the frames of
soak_frames.py pass, whose number is known, and on the other a VXLAN network with pings in it. All programs run from the
beginning to the end, and are looked at every second: resident memory, descriptors and threads, from /proc.

The judgement, for each program:
  memory       after the warm-up, a third of the time, it may grow by an eighth and 4 MiB, no more; a connection is
               remembered for five minutes, so in a run of less than fifteen it may be 64 MiB, no more
  descriptors  and threads are at the end as many as after the warm-up, at most
  packets      those that it counted and those that it says the kernel dropped are together as many as arrived, by a socket of
               our own: a datagram in fragments is one packet, and the JSON of `json all` says in how many frames it came
  status       it ends by INT with an exit status that it promises, and says nothing of a panic

The last line says `soak: passed` or what failed, and the exit status is 0 or 1. Other mishaps are 2.
"""

import argparse
import contextlib
import ctypes
import json
import os
import re
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

from soak_frames import Frames

BURST = 32  # frames that are sent at once; the kernel has room for a thousand that nobody has taken yet
SHORT = 900  # seconds
KEYS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "keys.esp_sa")
ENVIRONMENT = {**os.environ, "DOCKER_HOST": "unix:///nonexistent/docker.sock", "LC_ALL": "C", "NO_COLOR": "1"}
LIBC = ctypes.CDLL(None, use_errno=True)
SOL_PACKET, PACKET_STATISTICS = 263, 6
VXLAN = "type vxlan id 4097 dstport 4789 dev eth0"


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def hosts():
    """The hosts `a` and `b`, the cable `wire` without addresses, and the cable `eth0` with a VXLAN network on it."""
    os.makedirs("/run/netns", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
    for name in "ab":
        ip("netns", "add", name)
        for what in ("all", "default"):
            subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{what}.disable_ipv6=1"], stderr=subprocess.DEVNULL)
        ip("-n", name, "link", "set", "lo", "up")
    for cable in ("wire", "eth0"):
        ip("link", "add", cable, "netns", "a", "type", "veth", "peer", "name", cable, "netns", "b")
    for number, name in enumerate("ab", start=1):
        ip("-n", name, "link", "set", "wire", "up", "arp", "off")
        ip("-n", name, "address", "add", f"192.0.2.{number}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "add", "clear", *VXLAN.split(), "local", f"192.0.2.{number}", "remote", f"192.0.2.{3 - number}")
        ip("-n", name, "address", "add", f"10.0.1.{number}/24", "dev", "clear")
        ip("-n", name, "link", "set", "clear", "up")


def look(process):
    """The resident memory in KiB, the descriptors and the threads of a process."""
    with open(f"/proc/{process}/status") as status:
        text = status.read()
    kib, threads = (int(re.search(rf"^{name}:\s*(\d+)", text, re.MULTILINE)[1]) for name in ("RssAnon", "Threads"))
    return kib, len(os.listdir(f"/proc/{process}/fd")), threads


class Program:
    """One program: its words, what it has printed, and what was seen of it."""

    def __init__(self, name, words, folder, counts=False, statuses=(0, 1)):
        self.name, self.counts, self.statuses = name, counts, statuses
        self.samples, self.lines, self.frames, self.broken = [], 0, 0, 0
        self.errors = open(os.path.join(folder, name.replace(" ", "-")), "w+b")
        inside = ["ip", "netns", "exec", "b", *words]
        self.process = subprocess.Popen(inside, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.errors, env=ENVIRONMENT)
        self.reader = threading.Thread(target=self.read_json if "--json" in words else self.read, daemon=True)
        self.reader.start()

    def read(self):
        while piece := self.process.stdout.read1(1 << 16):
            self.lines += piece.count(b"\n")

    def read_json(self):
        for line in self.process.stdout:
            self.lines += 1
            try:
                self.frames += json.loads(line)["frames"]
            except (ValueError, KeyError):
                self.broken += 1

    def sample(self, now):
        """Looks at the process and at its children, such as the keeper of `verify`, together."""
        main, total = self.process.pid, [0, 0, 0]
        with contextlib.suppress(OSError):
            with open(f"/proc/{main}/task/{main}/children") as children:
                for process in [main, *children.read().split()]:
                    with contextlib.suppress(OSError, TypeError):
                        total = [whole + part for whole, part in zip(total, look(process))]
            self.samples.append((now, *total))

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(10)
        self.errors.seek(0)
        self.said = self.errors.read().decode(errors="replace")

    def counted(self):
        """The packets that it counted, and those that the kernel dropped, by its closing line."""
        found = re.findall(r"^(\d+) packets?, (\d+) dropped", self.said, re.MULTILINE)
        return map(int, found[-1]) if found else (0, 0)

    def judge(self, arrived, due, seconds):
        """A row of the table, and the faults. `due` has the numbers of packets that those which arrived may be."""
        faults, warm = [], seconds / 3
        code, early = self.process.returncode, [s for s in self.samples if s[0] <= warm]
        late = [s for s in self.samples if s[0] > warm]
        if code not in self.statuses or "panicked" in self.said:
            last = self.said.strip().splitlines()[-1:] or ["nothing"]
            faults.append(f"status {code}, and said last: {last[0]}")
        memory = descriptors = threads = "-"
        if len(early) < 3 or len(late) < 3:
            faults.append("it was not there long enough to be looked at")
        else:
            # The median of some samples, because a round of `verify` takes memory and gives it back.
            before, after = (statistics.median(s[1] for s in part[-max(3, len(part) // 3):]) for part in (early, late))
            memory = f"{before / 1024:.1f} -> {after / 1024:.1f}"
            if after > (before * 1.125 + 4096 if seconds >= SHORT else 65536):
                faults.append(f"memory grew from {before / 1024:.1f} to {after / 1024:.1f} MiB")
            for place, what in ((2, "descriptors"), (3, "threads")):
                # Those that come for a moment do not count: a leak is there to stay.
                then, now = max(s[place] for s in early), min(s[place] for s in late[-len(late) // 3:])
                if now > then:
                    faults.append(f"{what} grew from {then} to {now}")
            descriptors, threads = (str(max(s[place] for s in late)) for place in (2, 3))
        if self.broken:
            faults.append(f"{self.broken} lines are not the JSON that was promised")
        packets = ""
        if self.counts:
            counted, dropped = self.counted()
            packets = f"{counted} + {dropped}"
            frames = counted + dropped + (self.frames - self.lines if self.frames else 0)
            if frames not in (range(arrived, arrived + 1) if self.frames else due):
                faults.append(f"{arrived} packets arrived, and it counted {counted}, and {dropped} were dropped")
        return [self.name, memory, descriptors, threads, packets, str(self.lines), str(code)], faults


def programs(ovlsniff, folder):
    def grep(name, *words):
        return Program(name, [ovlsniff, "-i", "wire", "--buffer", "32M", *words], folder, counts=True)

    def verify(name, *words):
        # 0 as expected, 1 clear, 3 inconclusive, 4 nothing arrives: which one it is depends on the last round.
        return Program(name, [ovlsniff, "verify", "--watch", "2s", "--for", "1500ms", *words], folder, statuses=(0, 1, 3, 4))

    of_wire = ["--vni", "4097", "--local", "192.0.2.2", "--peer", "192.0.2.1", "-i", "wire", "--passive"]
    return [
        grep("grep", "-e", "needle"),
        grep("grep context", "-A", "3", "-B", "3", "-e", "HTTP/1.[01]"),
        grep("stream", "--stream", "-e", "needle"),
        grep("json all", "--json", "--all", ""),
        grep("keys", "--sa", KEYS, "--all", ""),
        grep("write", "-O", "-", ""),
        Program("ngrep", [ovlsniff, "ngrep", "-q", "-d", "wire", "needle"], folder),
        verify("verify hostile", *of_wire),
        verify("verify json", "--format", "json", *of_wire),
        verify("verify network", "--net", "clear", "--expect", "clear"),
    ]


def send(frames, rate, until, state):
    """Sends frames on the cable until the time comes, and counts them."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind(("wire", 0))
    begun = time.monotonic()
    while (now := time.monotonic()) < until:
        due = int((now - begun) * rate)
        for _ in range(min(BURST, due - state["sent"])):
            wire.send(frames.next())
            state["sent"] += 1
        if state["sent"] >= due:
            time.sleep(BURST / rate / 2)


class Witness:
    """A socket for packets that keeps none, and knows how many there were."""

    def __init__(self):
        self.seen = 0
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self.socket.bind(("wire", 3))

    def look(self):
        """The number of packets so far. The kernel begins anew with each look."""
        self.seen += struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[0]
        return self.seen


def in_namespace(name, work):
    """Runs work on a thread in the namespace."""
    def there():
        with open(f"/run/netns/{name}") as namespace:
            LIBC.setns(namespace.fileno(), 0)
        work()
    thread = threading.Thread(target=there, daemon=True)
    thread.start()
    return thread


def table(rows):
    heads = ["program", "memory MiB", "fds", "threads", "counted + dropped", "lines", "status"]
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    for row in [heads, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def soak(arguments, folder):
    hosts()
    seconds = arguments.minutes * 60
    state = {"sent": 0}
    witnesses = []
    in_namespace("b", lambda: witnesses.append(Witness())).join()
    every = programs(os.path.abspath(arguments.ovlsniff), folder)
    pings = subprocess.Popen(["ip", "netns", "exec", "a", "ping", "-q", "-i", "0.5", "10.0.1.2"], stdout=subprocess.DEVNULL)
    try:
        # All programs have their rings before the first frame is sent.
        end = time.monotonic() + 60
        while not all(program.process.poll() is not None or has_ring(program) for program in every):
            if time.monotonic() > end:
                sys.exit("soak: not all programs began to capture in a minute")
            time.sleep(0.1)
        time.sleep(1)
        begun = time.monotonic()
        sender = in_namespace("a", lambda: send(Frames(arguments.seed), arguments.rate, begun + seconds, state))
        told = 0
        while sender.is_alive():
            now = time.monotonic() - begun
            for program in every:
                program.sample(now)
            if now // 60 > told:
                told = now // 60
                print(f"{told:.0f} min: {state['sent']} packets, {sum(p.samples[-1][1] for p in every if p.samples) / 1024:.0f} MiB in all", flush=True)
            witnesses[0].look()
            time.sleep(1)
        time.sleep(2)
    finally:
        pings.kill()
        for program in every:
            program.end()
    arrived = witnesses[0].look()
    told = next(program for program in every if program.frames)
    joined = told.frames - told.lines
    # If it missed some, nobody knows how many datagrams in fragments were among them, but they are few.
    missed = list(told.counted())[1]
    due = range(arrived - joined - (arrived // 500 if missed else 0), arrived - joined + 1)
    judged = [program.judge(arrived, due, seconds) for program in every]
    print(f"{state['sent']} packets were sent in {seconds:.0f} s, by seed {arguments.seed}, and {arrived} arrived")
    table([row for row, _ in judged])
    faults = [f"{row[0]}: {fault}" for row, found in judged for fault in found]
    for fault in faults:
        print(f"wrong: {fault}")
    if arrived < state["sent"] * 0.99:
        faults.append("too few arrived")
        print("wrong: too few packets arrived for a judgement; this machine is too busy")
    if state["sent"] < seconds * arguments.rate / 2:
        print(f"note: this machine sent no more than {state['sent'] / seconds:.0f} of {arguments.rate} packets a second")
    print("soak: failed" if faults else "soak: passed")
    return 1 if faults else 0


def has_ring(program):
    """True once the program has a socket for packets. The kernel lists them by inode, in the last column."""
    process = f"/proc/{program.process.pid}"
    with contextlib.suppress(OSError):
        with open(f"{process}/net/packet") as packets:
            inodes = {f"socket:[{line.split()[-1]}]" for line in packets}
        return any(os.readlink(f"{process}/fd/{name}") in inodes for name in os.listdir(f"{process}/fd"))
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ovlsniff")
    parser.add_argument("minutes", nargs="?", type=float, default=30)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    if arguments.minutes < 0.25 or arguments.rate < 1:
        parser.error("use at least a quarter of a minute, and one packet a second")
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(soak(arguments, folder))


if __name__ == "__main__":
    main()
