"""Prints in which source files the instructions of a packet are, by callgrind: most functions are inlined into a few.

Usage: bench_profile.py OVLSNIFF [WORK [CAPTURE]]     works and captures are those of bench_instructions.py

OVLSNIFF has to be built with line tables. What the beginning costs is taken off, as in bench_instructions.py.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter

import bench_captures
import bench_instructions

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LEAST = 0.01  # the part of all instructions from which on a file is printed


def place(path, function):
    """The short name of a source file: of ours, of a crate, of the standard library, or the function of a library in C."""
    path = path.removeprefix(ROOT + "/")
    if path.startswith("src/"):
        return path
    crate = re.match(r".*/registry/src/[^/]*/(.*)|.*/(library/.*)", path)
    if crate:
        return (crate[1] or crate[2]).replace("/src/", "/", 1)
    return function.split("@")[0].lstrip("_")


def costs(lines):
    """The instructions by place of a file of callgrind's (its manual, "Callgrind Format Specification")."""
    names, found = {}, Counter()
    path = function = ""
    called = False
    for line in lines:
        named = re.match(r"(c?f[lien]|c?ob)=\((\d+)\)(?: (.*))?$", line)
        if named:
            kind, number, name = named.groups()
            # Files, functions and objects are numbered apart. A name stands where its number comes first.
            space = "function" if kind in ("fn", "cfn") else "object" if kind in ("ob", "cob") else "file"
            if name is not None:
                names[space, number] = name
            if kind in ("fl", "fi", "fe"):
                path = names[space, number]
            elif kind == "fn":
                function = names[space, number]
        elif line.startswith("calls="):
            # The next line is the cost of what was called, which is counted where it stands itself.
            called = True
        elif re.match(r"[+*\-\d]", line):
            words = line.split()
            if not called and len(words) > 1:
                found[place(path, function)] += int(words[1])
            called = False
    return found


def profile(ovlsniff, words, folder):
    out = os.path.join(folder, "callgrind.out")
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", ovlsniff, *words], cwd=folder,
                   env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with open(out) as lines:
        return costs(lines)


def main(ovlsniff, works=("-q", "marks"), captures=("http", "vxlan", "esp", "small")):
    ovlsniff = os.path.abspath(ovlsniff)
    for work in works:
        for capture in captures:
            sizes, costs_of, packets = (bench_instructions.BEGINNING, bench_instructions.WORKS[work][1]), [], []
            with tempfile.TemporaryDirectory() as folder:
                for size in sizes:
                    packets.append(bench_captures.write(os.path.join(folder, "part.pcap"), capture, size << 20))
                    costs_of.append(profile(ovlsniff, bench_instructions.words_of(ovlsniff, work, "part.pcap"), folder))
            found = costs_of[1] - costs_of[0]
            each, total = packets[1] - packets[0], sum(found.values())
            print(f"{work} on {capture}: {total / each:.0f} instructions a packet")
            for where, cost in found.most_common():
                if cost >= LEAST * total:
                    print(f"{cost / each:>9.0f}  {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *([each] for each in sys.argv[2:])))
