"""Measures what grepping costs, beside cat, ngrep, tcpdump and, where they are installed, rg and tshark.

Usage: bench.py OVLSNIFF [--size MIB] [--rounds N] [NAME…]

A NAME is the beginning of a work's name in bench_rows.py (literal, marks, case, …, and decrypt, memory) or a capture of
bench_captures.py. The captures lie in target/bench and are read once before anything is measured, so that they are in the
page cache. Where memory or disk do not hold all of them, they are made and removed one after another.

All programs of a row run in turn, several rounds. A ratio is that of two runs of one round, and the figure is the median
of the rounds' ratios: what else the machine does slows neighbours alike. Run it on a quiet machine all the same.
Before that, the programs have to agree on how many packets match. If they do not, the exit status is 1.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

import bench_captures
import bench_rows
from bench_rows import FILE, HARD, MAIL, Least, Most, Ours

FOLDER = os.path.join(os.environ.get("CARGO_TARGET_DIR") or "target", "bench")
CUT = 96  # MiB, for slow programs
SPARE = 2 << 30  # bytes of memory and of disk that the captures leave free
PATTERNS = {"HTTP": ["HTTP"], "-i HTTP": ["-i", "HTTP"], HARD: [HARD], MAIL: [MAIL]}


def output(*words, **more):
    return subprocess.run(words, capture_output=True, text=True, errors="replace", **more).stdout


def first_line(*words):
    both = subprocess.run(words, capture_output=True, text=True, errors="replace")
    return next(iter((both.stdout + both.stderr).splitlines()), "")


# ---- the machine


def machine(ovlsniff):
    with open("/proc/cpuinfo") as cpuinfo:
        model = re.search(r"^model name\s*: (.*)", cpuinfo.read(), re.MULTILINE)
    with open("/proc/meminfo") as meminfo:
        total, available = (int(re.search(rf"^{name}: *(\d+)", text, re.MULTILINE)[1]) << 10
                            for text in [meminfo.read()] for name in ("MemTotal", "MemAvailable"))
    print(f"{model[1] if model else platform.machine()}, {len(os.sched_getaffinity(0))} processors, "
          f"{round(total / 2**30)} GiB of memory, Linux {platform.release()}")
    commit = output("git", "describe", "--always", "--dirty").strip()
    versions = [f"{first_line(ovlsniff, '--version')} {commit}".strip(), first_line("rustc", "--version")]
    for tool, option in [("cat", "--version"), ("ngrep", "-V"), ("tcpdump", "--version"), ("tshark", "--version"), ("rg", "--version")]:
        versions.append(first_line(tool, option) if shutil.which(tool) else f"no {tool}")
    print("; ".join(versions))
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"The machine is not idle: its load is {busy:.1f}. Take no figure from this run.")
    return available


# ---- running


class Bench:
    def __init__(self, ovlsniff, size, rounds):
        self.ovlsniff, self.size, self.rounds = os.path.abspath(ovlsniff), size, rounds
        self.threads = [1, 2] if "--threads" in output(ovlsniff, "--help") else [1]
        if self.threads == [1]:
            print("This build has no --threads: there is one column.")
        elif len(os.sched_getaffinity(0)) < 2:
            print("There is one processor: two threads cannot help here.")
        self.executables, self.warm, self.short = {}, set(), False

    def path(self, row):
        """The path of the row's capture, made and read once."""
        if row.capture == "one packet":
            path = bench_captures.path_of(FOLDER, "one", 0)
            bench_captures.write(path, "http", packets=1)
            return path
        path = bench_captures.cached(FOLDER, row.capture, min(CUT, self.size) if row.cut else self.size)
        if row.ending:
            tool = {".gz": "gzip", ".zst": "zstd"}[row.ending]
            plain, path = path, path + row.ending
            if not os.path.exists(path):
                with open(path, "wb") as out:
                    subprocess.run([tool, "-c", plain], stdout=out, check=True)
        if path not in self.warm:
            self.warm.add(path)
            subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
        return path

    def command(self, peer, path, threads):
        if isinstance(peer, Ours):
            several = len(self.threads) > 1 and peer.words[0] != "verify"
            words = [self.ovlsniff, *(["--threads", str(threads)] if several else []), *peer.words]
        elif peer[0] == "expand":
            words = [self.built("expand"), *peer[1:]]
        else:
            words = peer
        return [path if word == FILE else word for word in words]

    def built(self, bench):
        """The path of a program in benches/."""
        if bench not in self.executables:
            said = output("cargo", "bench", "--locked", "--no-run", "--message-format=json", "--bench", bench)
            made = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
            paths = [each["executable"] for each in made if each.get("executable") and each["target"]["name"] == bench]
            if not paths:
                sys.exit(f"bench: benches/{bench}.rs could not be built")
            self.executables[bench] = paths[-1]
        return self.executables[bench]


def seconds(words, piped=None, to_pipe=False):
    """The time that a program takes, with a file piped into it by cat if there is one. Its output goes to /dev/null, or
    into a pipe: grep stops at the first match if nobody can see the count."""
    program, null = shutil.which(words[0]), os.open(os.devnull, os.O_RDWR)
    ends = [null]
    actions = [(os.POSIX_SPAWN_DUP2, null, 2)]
    if to_pipe:
        ends += os.pipe()
    actions.append((os.POSIX_SPAWN_DUP2, ends[2] if to_pipe else null, 1))
    begun, feeder = time.perf_counter(), None
    if piped:
        ends += os.pipe()
        feeder = os.posix_spawn(shutil.which("cat"), ["cat", piped], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, ends[-1], 1)])
        os.close(ends.pop())
    actions.append((os.POSIX_SPAWN_DUP2, ends[-1] if piped else null, 0))
    child = os.posix_spawn(program, words, os.environ, file_actions=actions)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    taken = time.perf_counter() - begun
    for end in ends:
        os.close(end)
    if feeder:
        os.waitpid(feeder, 0)
    # 1 is grep's for nothing, 1 and 3 are verify's for what the captures hold.
    if status not in (0, 1, 3):
        sys.exit(f"bench: {' '.join(words[:12])} ended with status {status}")
    return taken


def peak(words):
    """The most resident memory of a run in MiB: the kernel's high-water mark, read until the program ends."""
    highest = 0
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None:
            with contextlib.suppress(OSError), open(f"/proc/{run.pid}/status") as status:
                found = re.search(r"^VmHWM:\s*(\d+)", status.read(), re.MULTILINE)
                highest = max(highest, int(found[1]) if found else 0)
            time.sleep(0.0005)
    return highest / 1024


# ---- the table


class Table:
    WIDTHS = [16, 10, 27, 27, 27, 42]

    def __init__(self, threads):
        self.met = self.goals = 0
        self.threads = threads
        self.line("work", "capture", "one thread", "goal", "two threads", "goal")
        self.line(*("-" * width for width in self.WIDTHS))

    def line(self, *cells):
        print("| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, self.WIDTHS)) + " |", flush=True)

    def judge(self, goals, ratios):
        """The goals in words, with ok or missed behind each that was measured."""
        said = []
        for goal in goals:
            if ratios is None or goal.peer not in ratios:
                said.append(str(goal))
                continue
            self.goals += 1
            self.met += goal.met(ratios[goal.peer])
            said.append(f"{goal}: {'ok' if goal.met(ratios[goal.peer]) else 'missed'}")
        return ", ".join(said)

    def row(self, work, capture, goals, measured):
        """`goals` and `measured` are for one and for two threads; what was measured are ratios of times by peer."""
        cells = []
        for goal, ratios in zip(goals, measured):
            said = [ratio_of(peer, ratio, goals) for peer, ratio in (ratios or {}).items()]
            cells += [", ".join(said) or "–", self.judge(goal, ratios)]
        self.line(work, capture, *cells)


def ratio_of(peer, ratio, goals):
    """ngrep and tshark are slower, so what counts is how many times; unless the goal is about time."""
    times = any(isinstance(goal, Most) and goal.peer == peer for goal in sum(goals, []))
    slower = peer.split()[0] in ("ngrep", "tshark") and not times
    return f"{1 / ratio:.1f} × {peer}" if slower else f"{ratio:.2f} × {peer}"


def measure(bench, row):
    """The ratios for each number of threads, by peer."""
    path = bench.path(row)
    piped = path if row.piped else None
    theirs = {name: peer for name, peer in row.peers.items() if isinstance(peer, Ours) or peer[0] == "expand" or shutil.which(peer[0])}
    ratios = {threads: {name: [] for name in theirs} for threads in bench.threads}
    for _ in range(row.rounds or bench.rounds):
        once = {name: seconds(bench.command(peer, path, 1), piped) for name, peer in theirs.items() if not isinstance(peer, Ours)}
        for threads in bench.threads:
            ours = seconds(bench.command(Ours(row.ours), path, threads), piped)
            for name, peer in theirs.items():
                other = once[name] if name in once else seconds(bench.command(peer, path, threads), piped)
                ratios[threads][name].append(ours / other)
    medians = [{name: statistics.median(each) for name, each in ratios[threads].items()} for threads in bench.threads]
    return medians + [None] * (2 - len(medians))


def peers(bench, capture):
    """The floor and the peers on one capture, as multiples of cat's time."""
    path = bench.path(bench_rows.Row("", capture, [], {}))
    programs = {"cat": ["cat", path], "ngrep -q HTTP": ["ngrep", "-q", "-I", path, "HTTP"],
                "tcpdump -w /dev/null": ["tcpdump", "-r", path, "-w", "/dev/null"],
                "rg -a -c HTTP": ["rg", "-a", "-c", "HTTP", path], "grep -a -c HTTP": ["grep", "-a", "-c", "HTTP", path]}
    programs = {name: words for name, words in programs.items() if shutil.which(words[0])}
    runs = [{name: seconds(words, to_pipe=words[0] in ("rg", "grep")) for name, words in programs.items()} for _ in range(bench.rounds)]
    floor, size = statistics.median(run["cat"] for run in runs), os.path.getsize(path)
    others = [f"{name} {statistics.median(run[name] / run['cat'] for run in runs):.2f}" for name in programs if name != "cat"]
    print(f"{capture}: cat takes {floor:.3f} s, {size / floor / 1e9:.1f} GB/s; as multiples of it: {', '.join(others)}", flush=True)


def agree(bench, capture):
    """Lets every program count the packets that match. Returns false if they do not agree."""
    path, found = bench.path(bench_rows.Row("", capture, [], {})), {}
    for name, words in PATTERNS.items():
        ours = ["-y" if word == "-i" else word for word in words]
        counts = {"ovlsniff": output(bench.ovlsniff, "--no-drop", "-qq", "-r", path, *ours).count("\n")}
        for threads in bench.threads[1:]:
            counts[f"{threads} threads"] = output(bench.ovlsniff, "--no-drop", "--threads", str(threads), "-qq", "-r", path, *ours).count("\n")
        if shutil.which("ngrep"):
            counts["ngrep"] = len(re.findall(r"^\S .* -> ", output("ngrep", "-q", "-I", path, *words), re.MULTILINE))
        tool = ["rg"] if shutil.which("rg") else ["grep", "-E"]
        # Each match has a line of its own.
        counts[tool[0]] = int(output(*tool, "-a", "-c", *words, path, env=dict(os.environ, LC_ALL="C")) or 0)
        if len(set(counts.values())) > 1:
            print(f"{capture}: the programs DISAGREE on the packets that match {name}: {counts}")
            return False
        found[name] = counts["ovlsniff"]
    print(f"{capture}: all agree on the packets that match: " + ", ".join(f"{count} {name}" for name, count in found.items()), flush=True)
    return True


def tshark_agrees(bench):
    """The same for tshark, which is slow, on the beginning of a capture."""
    if not shutil.which("tshark"):
        return True
    path = bench_captures.cached(FOLDER, "http", 8)
    counts = [output("tshark", "-n", "-r", path, "-Y", 'frame contains "HTTP"').count("\n"),
              output("tshark", "-n", "-r", path, "-T", "ek").count("\n") // 2]
    ours = [output(bench.ovlsniff, "--no-drop", *words, "-r", path).count("\n") for words in (["-qq", "HTTP"], ["--json", "--all", ""])]
    if ours != counts:
        print(f"http, beginning: ovlsniff and tshark DISAGREE on the packets that match, and on all: {ours}, {counts}")
    return ours == counts


# ---- works that are no rows


def decrypt(bench, table):
    """Opening ESP beside the crate's bulk speed (benches/esp.rs, which runs both in turn)."""
    said = output(bench.built("esp"), "--bench")
    for name, longer in re.findall(r"^(\S+): .* bulk: ([\d.]+) times as long", said, re.MULTILINE):
        ratios = {"aes-gcm in bulk": float(longer)}
        table.row("decrypt", name, [[Most(1.18, "aes-gcm in bulk")], []], [ratios, None])


def memory(bench, table):
    """The most of all runs: of plain files on one thread, of anything on two."""
    plain = [(Ours(bench_rows.grep(*words)), capture) for words in (["-q", "HTTP"], ["HTTP"]) for capture in ("http", "vxlan", "small")]
    others = [(Ours(bench_rows.grep(*words)), "http") for words in (
        ["-q", HARD], ["-q", "-y", "HTTP"], ["-q", r"\pL{40}"], ["-q", r"(\w+\s+){20}@"], ["-q", "-B", "10", "HTTP"], ["-q", "", "tcp"], ["--json", "--all", ""])]
    others += [(Ours(bench_rows.grep("-q", "HTTP")), ending) for ending in (".gz", ".zst")]
    others.append((Ours([*bench_rows.VERIFY, "-r", FILE]), "vxlan"))
    cells = []
    for threads, runs, bound in [(1, plain, 12), (2, plain + others, 45)]:
        if threads not in bench.threads:
            cells += ["–", f"≤ {bound} MiB"]
            continue
        highest = 0
        for peer, capture in runs:
            ending = capture if capture.startswith(".") else ""
            path = bench.path(bench_rows.Row("", "http" if ending else capture, [], {}, cut=True, ending=ending))
            used = peak(bench.command(peer, path, threads))
            if used > highest:
                highest, what = used, f"{' '.join(peer.words[3:])} {capture}"
        table.goals += 1
        table.met += highest <= bound
        cells += [f"{highest:.1f} MiB ({what})", f"≤ {bound} MiB: {'ok' if highest <= bound else 'missed'}"]
    table.line("memory", "several", *cells)


# ---- all of it


def chosen(names, work, *captures):
    """Names of works and of captures: what is named of either kind must fit."""
    works = [name for name in names if name not in bench_captures.KINDS]
    kinds = [name for name in names if name in bench_captures.KINDS]
    return (not works or any(work.startswith(name) for name in works)) and (not kinds or any(kind in captures for kind in kinds))


def fits(captures, size, available):
    """True if all captures fit into memory and onto the disk at once. Those that are there already take no more of either."""
    missing = [kind for kind in captures if not bench_captures.there(FOLDER, kind, size)]
    room = shutil.disk_usage(FOLDER).free - SPARE
    needed = [sum(bench_captures.size_of(kind, size) for kind in kinds) for kinds in (captures, missing)]
    if needed[0] <= available - SPARE and needed[1] <= room:
        return True
    largest = max((bench_captures.size_of(kind, size) for kind in captures), default=0)
    if largest > available - SPARE or largest > room:
        sys.exit(f"bench: memory or disk are too small for a capture of {size} MiB; --size takes less")
    return False


def main():
    parser = argparse.ArgumentParser(prog="./x bench", description="What grepping costs, beside cat, ngrep, tcpdump, rg and tshark.")
    parser.add_argument("ovlsniff", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=1024, metavar="MIB", help="size of each capture [1024]")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds of which the median is taken [7]")
    parser.add_argument("names", nargs="*", metavar="NAME", help="works (literal, marks, …) or captures (http, vxlan, …)")
    asked = parser.parse_intermixed_args()
    os.makedirs(FOLDER, exist_ok=True)
    available = machine(asked.ovlsniff)
    bench = Bench(asked.ovlsniff, asked.size, asked.rounds)
    rows = [row for row in bench_rows.rows() if chosen(asked.names, row.work, row.capture)]
    captures = [kind for kind in bench_captures.KINDS if any(row.capture == kind for row in rows)]
    if not rows and not chosen(asked.names, "decrypt") and not chosen(asked.names, "memory"):
        sys.exit(f"bench: no such work or capture: {' '.join(asked.names)}")
    print(f"{asked.size} MiB a capture, medians of {asked.rounds} rounds. With ≤ and cat, a ratio is one of times; with ngrep and tshark, one of speeds.")
    if not fits(captures, asked.size, available):
        print("Memory or disk do not hold all captures: they are made one after another.")
        bench.short = True
        rows.sort(key=lambda row: ([*captures, "one packet"].index(row.capture), row.cut))
    sound = tshark_agrees(bench)

    table, seen = None, set()
    for position, row in enumerate(rows):
        upcoming = captures if not bench.short else [row.capture] if row.capture in captures else []
        for capture in upcoming:
            if capture not in seen:
                seen.add(capture)
                sound = agree(bench, capture) and sound
                peers(bench, capture)
        table = table or Table(bench.threads)
        table.row(row.work, row.capture, [row.one, row.two], measure(bench, row))
        if bench.short and row.capture not in [later.capture for later in rows[position + 1 :]]:
            bench_captures.remove(FOLDER, row.capture)
            bench.warm.clear()
    table = table or Table(bench.threads)
    if chosen(asked.names, "decrypt"):
        decrypt(bench, table)
    if chosen(asked.names, "memory"):
        memory(bench, table)
    print(f"{table.met} of {table.goals} goals are met")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
