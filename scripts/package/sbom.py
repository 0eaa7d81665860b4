#!/usr/bin/env python3
"""Adds to a CycloneDX document of the crates what is linked into the program besides: sbom.py FILE PROGRAM NAME=VERSION…

The document is printed. It also gets the program's SHA-256, and loses what differs from run to run."""

import hashlib
import json
import sys

# Name, licence and home of what is no crate. `purl` names Debian's source package where the source came from there.
OTHERS = {
    "musl": ("MIT", "https://musl.libc.org", "pkg:deb/debian/musl@{}"),
    "libpcap": ("BSD-3-Clause", "https://www.tcpdump.org", "pkg:deb/debian/libpcap@{}"),
    "rust": ("MIT OR Apache-2.0", "https://www.rust-lang.org", "pkg:generic/rust-std@{}"),
    "gcc": ("GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org", "pkg:generic/libgcc_eh@{}"),
}
NAMES = {"rust": "rust-std", "gcc": "libgcc_eh"}


def component(name: str, version: str) -> dict:
    licence, home, purl = OTHERS[name]
    purl = purl.format(version)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": NAMES.get(name, name),
        "version": version,
        "scope": "required",
        "licenses": [{"expression": licence}],
        "purl": purl,
        "externalReferences": [{"type": "website", "url": home}],
    }


def relative(value: object, root: str) -> object:
    """Replaces the path of this machine's source tree, which cargo puts into references, by `.`."""
    if isinstance(value, dict):
        return {key: relative(item, root) for key, item in value.items()}
    if isinstance(value, list):
        return [relative(item, root) for item in value]
    return value.replace(root, ".") if isinstance(value, str) else value


def main() -> None:
    path, program, *others = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    added = [component(*other.split("=", 1)) for other in others]
    document["components"] += added
    main_component = document["metadata"]["component"]
    for entry in document["dependencies"]:
        if entry["ref"] == main_component["bom-ref"]:
            entry["dependsOn"] = sorted({*entry.get("dependsOn", []), *(item["bom-ref"] for item in added)})
    document["dependencies"] += [{"ref": item["bom-ref"]} for item in added]
    with open(program, "rb") as file:
        main_component["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(file.read()).hexdigest()}]
    document.pop("serialNumber", None)
    source = main_component["bom-ref"].removeprefix("path+file://").split("#")[0]
    json.dump(relative(document, source), sys.stdout, indent=2, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
