#!/usr/bin/env python3
"""Writes a container image of one program as an archive: image.py OUT PROGRAM ARCH VERSION REVISION SECONDS [FILE=PATH…].

The image is nothing but the program, /etc/passwd with `nobody`, and the given files. The archive is an OCI layout
(https://specs.opencontainers.org/image-spec/image-layout/), with the index of Docker's older format beside it, which
every `docker load` reads. The same input gives the same bytes: all times are SECONDS, and nothing is compressed.
"""

import hashlib
import io
import json
import sys
import tarfile
from datetime import datetime, timezone

PASSWD = b"root:x:0:0:root:/:/usr/bin/ovlsniff\nnobody:x:65534:65534:nobody:/:/usr/bin/ovlsniff\n"
GROUP = b"root:x:0:\nnogroup:x:65534:\n"


def add(archive: tarfile.TarFile, name: str, data: bytes | None, mode: int, seconds: int) -> None:
    """Adds a file, or a folder if there are no data."""
    entry = tarfile.TarInfo(name)
    entry.mtime = seconds
    entry.mode = mode
    if data is None:
        entry.type = tarfile.DIRTYPE
        archive.addfile(entry)
    else:
        entry.size = len(data)
        archive.addfile(entry, io.BytesIO(data))


def tree(files: dict[str, tuple[bytes, int]], seconds: int) -> bytes:
    """Packs files and the folders above them."""
    out = io.BytesIO()
    folders = sorted({"/".join(name.split("/")[:depth]) for name in files for depth in range(1, name.count("/") + 1)})
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in folders:
            add(archive, folder, None, 0o1777 if folder == "tmp" else 0o755, seconds)
        for name, (data, mode) in sorted(files.items()):
            add(archive, name, data, mode, seconds)
    return out.getvalue()


def blob(data: bytes, media: str) -> tuple[dict, str]:
    """Describes a blob, and returns its path in the layout as well."""
    digest = hashlib.sha256(data).hexdigest()
    return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}, f"blobs/sha256/{digest}"


def image(files: dict, arch: str, version: str, revision: str, seconds: int) -> dict[str, tuple[bytes, int]]:
    """Returns the files of the archive."""
    kind = "application/vnd.oci.image."
    created = datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.description": "Greps network traffic through overlay tunnels, and proves whether an overlay is encrypted",
        "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
        "org.opencontainers.image.revision": revision,
        "org.opencontainers.image.title": "ovlsniff",
        "org.opencontainers.image.version": version,
    }
    layer = tree(files, seconds)
    layer_entry, layer_path = blob(layer, kind + "layer.v1.tar")
    config = {
        "created": created,
        "architecture": arch,
        "os": "linux",
        "config": {"Entrypoint": ["/usr/bin/ovlsniff"], "Env": ["PATH=/usr/bin"], "WorkingDir": "/", "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": [layer_entry["digest"]]},
        "history": [{"created": created, "created_by": "scripts/package/image.py"}],
    }
    config_bytes = json.dumps(config, sort_keys=True).encode()
    config_entry, config_path = blob(config_bytes, kind + "config.v1+json")
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind + "manifest.v1+json",
        "config": config_entry,
        "layers": [layer_entry],
        "annotations": labels,
    }
    manifest_bytes = json.dumps(manifest, sort_keys=True).encode()
    manifest_entry, manifest_path = blob(manifest_bytes, kind + "manifest.v1+json")
    manifest_entry["platform"] = {"architecture": arch, "os": "linux"}
    manifest_entry["annotations"] = {"org.opencontainers.image.ref.name": version, "io.containerd.image.name": f"docker.io/library/ovlsniff:{version}"}
    index = {"schemaVersion": 2, "mediaType": kind + "index.v1+json", "manifests": [manifest_entry]}
    older = [{"Config": config_path, "RepoTags": [f"ovlsniff:{version}", "ovlsniff:latest"], "Layers": [layer_path]}]
    texts = {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps(index, sort_keys=True).encode(),
        "manifest.json": json.dumps(older, sort_keys=True).encode(),
        config_path: config_bytes,
        manifest_path: manifest_bytes,
        layer_path: layer,
    }
    return {name: (data, 0o644) for name, data in texts.items()}


def main() -> None:
    out, program, arch, version, revision, seconds, *others = sys.argv[1:]
    files = {"etc/passwd": (PASSWD, 0o644), "etc/group": (GROUP, 0o644)}
    with open(program, "rb") as file:
        files["usr/bin/ovlsniff"] = (file.read(), 0o755)
    for other in others:
        path, name = other.split("=", 1)
        with open(path, "rb") as file:
            files[name] = (file.read(), 0o644)
    # The state of `overlay` and the files of `-O` go where the user mounts something; `/tmp` is there for everyone else.
    files = {**files, "tmp/.keep": (b"", 0o644)}
    data = tree(image(files, arch, version, revision, int(seconds)), int(seconds))
    with open(out, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    main()
