"""Channels and an index that have just what the exports under `exports/` ask for.

world = ExportWorld(tmp_path)
world.channels                # a ChannelMap for them
world.index.url
"""

from __future__ import annotations

import re
from pathlib import Path

from provision.conda.channels import ChannelMap
from provision.conda.envfile import EnvironmentFile, parse_environment
from provision.conda.specs import CondaSpec

from tests.conda.tinychannel import TinyChannel
from tests.conda.tinyindex import TinyIndex

__all__ = ["EXPORTS", "ExportWorld", "export"]

EXPORTS = Path(__file__).parent / "exports"


def export(name: str) -> EnvironmentFile:
    path = EXPORTS / f"{name}.yml"
    return parse_environment(path.read_bytes().decode(), str(path))


def _version(spec: CondaSpec) -> tuple[str, str]:
    """A version and a build that fulfil a spec of the exports."""
    found = re.match(r"[=<>!~ ]*([0-9][^=<>!~,|\s*]*)", spec.rest)
    version = found[1].rstrip(".") if found else "1.0"
    return version, spec.build or "0"


class ExportWorld:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = TinyIndex(root / "simple")
        made: dict[str, TinyChannel] = {}
        seen: set[tuple[str, str, str, str]] = set()
        for path in sorted(EXPORTS.glob("*.yml")):
            file = export(path.stem)
            names = [line.name for line in file.channels if line.name != "nodefaults"]
            for name in names:
                made.setdefault(_folder(name), TinyChannel(root / _folder(name)))
            for spec in file.conda:
                where = _folder(spec.channel or (names or ["conda-forge"])[-1])
                made.setdefault(where, TinyChannel(root / where))
                version, build = _version(spec)
                if (where, spec.name, version, build) not in seen:
                    seen.add((where, spec.name, version, build))
                    made[where].add(spec.name, version, build, depends=_depends(spec, file))
            for line in file.pip_packages:
                if line.kind == "package":
                    self.index.add(line.name, line.version or "1.0")
        for channel in made.values():
            channel.add("pip", "24.0", depends=["python"], subdir="noarch")
            channel.index()
        alias = root.as_uri()
        self.channels = ChannelMap(
            alias,
            {
                "https://repo.anaconda.com/pkgs/main": f"{alias}/defaults",
                "https://repo.anaconda.com/pkgs/r": f"{alias}/r",
                "https://conda.anaconda.org/groupml": f"{alias}/groupml",
            },
        )


def _folder(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


def _depends(spec: CondaSpec, file: EnvironmentFile) -> list[str]:
    """Python packages need python, GPU builds a driver."""
    if spec.name in ("python", "r-base") or spec.name.startswith(("lib", "_", "cuda-")):
        return []
    wanted = [other.name for other in file.conda]
    needs = ["python"] if "python" in wanted and not spec.name.startswith("r-") else []
    return needs + (["__cuda"] if "cuda" in spec.build else [])
