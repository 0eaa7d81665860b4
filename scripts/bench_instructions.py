"""Counts the instructions that a packet costs, by callgrind, and holds them to benches/instructions.tsv.

Usage: bench_instructions.py OVLSNIFF [--write]     exit status 1 if a count has grown by more than 3 %
       bench_instructions.py --obstacle             prints why this machine cannot compare, or nothing

Wall clock is useless as a gate on a shared machine. Counts do not depend on load: two runs of one program differ by less
than a hundred-thousandth, from the seeds of hash tables. Address randomisation plays no part, because valgrind lays memory
out by itself, nor does the environment, which is empty here. Each count is that of a whole capture less that of its
beginning, so that neither the program's start is in it nor what buffers and tables cost once.

memchr and the C library choose their code by the processor. valgrind shows a processor of its own, which is Intel's Haswell
with its caches, on AMD's too, if the real one has AVX2. So all machines with AVX2 count the same. Without it memchr's code
is another. So is that of another compiler or C library. The file names the three, and nothing is compared where they differ.
"""

import concurrent.futures
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile

import bench_captures

FIGURES = os.path.join(os.path.dirname(__file__), "..", "benches", "instructions.tsv")
GROWTH = 0.03
CAPTURES = ["http", "vxlan", "esp", "small"]
BEGINNING = 2  # MiB whose cost is taken off
# The options of each work, and the mebibytes it reads: a packet that is printed costs ten to a hundred times as much.
WORKS = {
    "-q": (["-q", "HTTP"], 20),
    "marks": (["HTTP"], 20),
    "vni": (["--vni", "4097", "HTTP"], 20),
    "before": (["-q", "-B", "10", "HTTP"], 20),
    "verify": (None, 20),
    "text": (["-q", ""], 4),
    "json": (["--json", "--all", ""], 4),
}
VERIFY = ["verify", "--vni", "4097", "--local", "192.0.2.1", "--peer", "192.0.2.2"]


def output(*words):
    return subprocess.run(words, capture_output=True, text=True).stdout


def made_with():
    """Names all that changes the code which runs: the compiler's minor release, the processor, the C library."""
    rustc = re.match(r"rustc (\d+\.\d+)", output("rustc", "--version"))
    with open("/proc/cpuinfo") as cpuinfo:
        avx2 = re.search(r"^flags.*\bavx2\b", cpuinfo.read(), re.MULTILINE)
    library = " ".join(platform.libc_ver())
    return f"rustc {rustc and rustc[1]}, {platform.machine()} {'with' if avx2 else 'without'} AVX2, {library}"


def committed():
    """The figures by work and capture, and the line of what they were counted with."""
    figures, counted_with = {}, "nothing yet"
    if os.path.exists(FIGURES):
        with open(FIGURES) as lines:
            for line in lines:
                if line.startswith("# counted with: "):
                    counted_with = line.split(": ", 1)[1].strip()
                elif not line.startswith("#"):
                    work, capture, count = line.rstrip("\n").split("\t")
                    figures[work, capture] = int(count)
    return figures, counted_with


def obstacle():
    if not shutil.which("valgrind"):
        return "valgrind is not installed"
    counted_with, here = committed()[1], made_with()
    if counted_with != here:
        return f"the figures were counted with {counted_with}; here is {here}"
    return ""


def collected(ovlsniff, words, folder):
    """The instructions of a whole run."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", ovlsniff, *words]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    run = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    # Of ovlsniff, 2 is an error. 1 and 3 say that nothing matched, and what verify thinks of the capture.
    if found is None or run.returncode not in (0, 1, 3):
        sys.exit(f"bench: {' '.join(command)} ended with status {run.returncode}:\n{run.stderr}")
    return int(found[1])


def words_of(ovlsniff, work, file):
    """The arguments of a work, on one thread."""
    options = WORKS[work][0]
    if options is None:
        return [*VERIFY, "-r", file]
    threads = ["--threads", "1"] if "--threads" in output(ovlsniff, "--help") else []
    return ["--no-drop", *threads, "-r", file, *options]


def count(ovlsniff, folder, packets, work, capture):
    """The instructions for a packet."""
    sizes = BEGINNING, WORKS[work][1]
    start, end = (collected(ovlsniff, words_of(ovlsniff, work, f"{capture}-{size}.pcap"), folder) for size in sizes)
    return round((end - start) / (packets[capture, sizes[1]] - packets[capture, sizes[0]]))


def counts(ovlsniff):
    ovlsniff = os.path.abspath(ovlsniff)
    packets = {}
    with tempfile.TemporaryDirectory() as folder:
        for capture in CAPTURES:
            for mebibytes in {BEGINNING, *(size for _, size in WORKS.values())}:
                path = os.path.join(folder, f"{capture}-{mebibytes}.pcap")
                packets[capture, mebibytes] = bench_captures.write(path, capture, mebibytes << 20)
        wanted = [(work, capture) for work in WORKS for capture in CAPTURES]
        # The longest first, so that no processor is left alone with them at the end.
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            running = {each: pool.submit(count, ovlsniff, folder, packets, *each) for each in reversed(wanted)}
            return {each: running[each].result() for each in wanted}


def write(found):
    with open(FIGURES, "w") as out:
        out.write("# Instructions that a packet costs, on one thread; `./x bench --instructions --write` renews them.\n")
        out.write(f"# counted with: {made_with()}\n")
        for (work, capture), each in found.items():
            out.write(f"{work}\t{capture}\t{each}\n")


def compare(found, figures):
    """Prints both, and returns the works that cost more than they may."""
    grown, fewer = [], False
    print(f"{'':<8} {'capture':<8} {'committed':>10} {'now':>10} {'change':>8}")
    for (work, capture), now in found.items():
        before = figures.get((work, capture))
        change = now / before - 1 if before else 0
        verdict = "  GROWN" if change > GROWTH else ""
        print(f"{work:<8} {capture:<8} {before or '-':>10} {now:>10} {change:>+8.1%}{verdict}")
        if verdict:
            grown.append(f"{work} on {capture}")
        fewer = fewer or change < -GROWTH or not before
    if fewer:
        print("some counts have fallen or are new: ./x bench --instructions --write commits to them")
    return grown


def main(words):
    if words == ["--obstacle"]:
        print(obstacle(), end="")
        return 0
    ovlsniff, *options = words
    if options not in ([], ["--write"]):
        sys.exit("bench: --instructions takes --write and nothing else")
    if not shutil.which("valgrind"):
        sys.exit("bench: valgrind is not installed")
    found, reason = counts(ovlsniff), obstacle()
    grown = compare(found, committed()[0])
    if options:
        write(found)
        print(f"written: {os.path.relpath(FIGURES)}")
        return 0
    if reason:
        print(f"this is no comparison: {reason}")
        return 0
    if grown:
        print(f"more instructions than {GROWTH:.0%} above benches/instructions.tsv: {', '.join(grown)}")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
