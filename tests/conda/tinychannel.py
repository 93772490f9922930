"""A conda channel of a few tiny packages, made in a moment.

channel = TinyChannel(tmp_path / "channel")
channel.add("numpy", "1.26.4", depends=["python"], files={"lib/numpy.txt": "1.26.4"})
channel.index()
channel.url
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["TinyChannel"]


class TinyChannel:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.url = root.as_uri()

    def add(
        self,
        name: str,
        version: str,
        build: str = "0",
        *,
        depends: Sequence[str] = (),
        subdir: str = "linux-64",
        files: Mapping[str, bytes | str] | None = None,
        links: Mapping[str, str] | None = None,
    ) -> Path:
        """Writes one `.tar.bz2`. Text files under bin/ become executable."""
        index = {
            "name": name,
            "version": version,
            "build": build,
            "build_number": 0,
            "depends": list(depends),
            "subdir": subdir,
            "timestamp": 1_700_000_000_000,
        }
        if subdir == "noarch":
            index["noarch"] = "generic"
        contents = {
            key: value.encode() if isinstance(value, str) else value
            for key, value in (files or {f"share/{name}.txt": f"{version} {build}\n"}).items()
        }
        info = {
            "info/index.json": json.dumps(index).encode(),
            "info/files": "\n".join([*contents, *(links or {})]).encode(),
            "info/paths.json": json.dumps(_paths(contents, links or {})).encode(),
        }
        folder = self.root / subdir
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{name}-{version}-{build}.tar.bz2"
        with tarfile.open(target, "w:bz2") as tar:
            for path, data in {**info, **contents}.items():
                member = tarfile.TarInfo(path)
                member.size = len(data)
                member.mode = 0o755 if path.startswith("bin/") else 0o644
                tar.addfile(member, io.BytesIO(data))
            for path, goal in (links or {}).items():
                member = tarfile.TarInfo(path)
                member.type, member.linkname = tarfile.SYMTYPE, goal
                tar.addfile(member)
        return target

    def index(self) -> None:
        from rattler.index import index_fs

        (self.root / "noarch").mkdir(parents=True, exist_ok=True)
        asyncio.run(index_fs(self.root, force=True))


def _paths(contents: Mapping[str, bytes], links: Mapping[str, str]) -> dict[str, object]:
    paths: list[dict[str, object]] = [
        {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_in_bytes": len(data),
        }
        for path, data in contents.items()
    ]
    paths += [{"_path": path, "path_type": "softlink"} for path in links]
    return {"paths": paths, "paths_version": 1}
