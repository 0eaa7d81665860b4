#!/usr/bin/env python3
"""Prints the licence texts of the crates that are linked into the program: licences.py TRIPLE.

The texts are the files that the crates themselves ship. Equal texts are printed once, with all crates that have them. A
crate that ships none is named with its licence's name and its authors."""

import json
import re
import subprocess
import sys
from pathlib import Path

NAMED = re.compile(r"^(un)?(licen[cs]e|copying|copyright|notice)", re.IGNORECASE)


def cargo(*arguments: str) -> str:
    return subprocess.run(["cargo", *arguments, "--locked", "--offline"], check=True, capture_output=True, text=True).stdout


def linked(triple: str) -> set[tuple[str, str]]:
    """Names and versions of the crates in the program. What runs at build time only is not in it."""
    tree = cargo("tree", "--edges=normal,no-proc-macro", f"--target={triple}", "--prefix=none", "--format={p}")
    words = (line.split() for line in tree.splitlines() if line)
    return {(name, version.removeprefix("v")) for name, version, *_ in words} - {("ovlsniff", "")}


def main() -> None:
    wanted = linked(sys.argv[1])
    packages = json.loads(cargo("metadata", "--format-version=1"))["packages"]
    users: dict[str, list[str]] = {}
    without = []
    for package in sorted(packages, key=lambda package: (package["name"], package["version"])):
        if (package["name"], package["version"]) not in wanted or package["source"] is None:
            continue
        label = f'{package["name"]} {package["version"]} ({package["license"]})'
        folder = Path(package["manifest_path"]).parent
        files = sorted(file for file in folder.iterdir() if file.is_file() and NAMED.match(file.name))
        for file in files:
            text = "\n".join(line.rstrip() for line in file.read_text(encoding="utf-8", errors="replace").strip().splitlines())
            users.setdefault(text, []).append(label)
        if not files:
            without.append(f'{label}, by {", ".join(package["authors"]) or "its contributors"}')
    for text, labels in sorted(users.items(), key=lambda item: (item[1], item[0])):
        print("== " + ", ".join(dict.fromkeys(labels)), end="\n\n")
        print(text, end="\n\n")
    if without:
        print("== These ship no text of their own; they are used under one of the licences above by that name", end="\n\n")
        print("\n".join(without))


if __name__ == "__main__":
    main()
