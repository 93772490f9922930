"""conda's platform and virtual packages of a host, from its facts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from provision.conda.vendor import CUDA_OF_DRIVER
from provision.errors import HostError

__all__ = ["Platform", "cuda_of_driver", "host_platform", "subdir_of"]

_SUBDIRS = {
    "x86_64": "linux-64",
    "amd64": "linux-64",
    "aarch64": "linux-aarch64",
    "arm64": "linux-aarch64",
    "ppc64le": "linux-ppc64le",
    "s390x": "linux-s390x",
    "riscv64": "linux-riscv64",
}
_ARCHS = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "ppc64le",
    "linux-s390x": "s390x",
    "linux-riscv64": "riscv64",
}
_OLDEST_GLIBC = "2.17"  # what conda itself assumes where it cannot know


@dataclass(frozen=True, slots=True)
class Platform:
    """What a solve is for; hosts with equal platforms share one.

    glibc, kernel  "2.36", "6.1"; cuda  newest CUDA the driver runs, "" without a driver
    archspec  the microarchitecture that builds may be chosen for
    """

    subdir: str
    glibc: str = ""
    kernel: str = ""
    cuda: str = ""
    archspec: str = ""

    @property
    def machine(self) -> str:
        """What `uname -m` says there."""
        return _ARCHS.get(self.subdir, self.subdir)

    def virtual_packages(self) -> list[tuple[str, str, str]]:
        """(name, version, build) as conda's own detection would give them."""
        found = [("__unix", "0", "0"), ("__linux", self.kernel or "0", "0")]
        if self.glibc:
            found.append(("__glibc", self.glibc, "0"))
        if self.cuda:
            found.append(("__cuda", self.cuda, "0"))
        found.append(("__archspec", "1", self.archspec or self.machine))
        return sorted(found)


def subdir_of(machine: str) -> str:
    """Raises HostError for an architecture that conda has no packages for."""
    subdir = _SUBDIRS.get(machine.lower())
    if subdir is None:
        raise HostError(f"conda has no packages for {machine} hosts")
    return subdir


def cuda_of_driver(driver: str) -> str:
    """The newest CUDA release that a driver runs: "535.104.05" → "12.2"; "" when unknown."""
    branch = re.match(r"\d+", driver)
    if not branch:
        return ""
    for first, cuda in CUDA_OF_DRIVER:
        if int(branch[0]) >= first:
            return cuda
    return ""


def host_platform(
    facts: Mapping[str, Any], *, cuda: str | None = None, glibc: str = "", archspec: str = ""
) -> Platform:
    """From the cheap facts. `cuda` None means as the host's driver says, "" none at all."""
    kernel = re.match(r"\d+\.\d+", str(facts.get("kernel", "")))
    seen = re.search(r"\d+\.\d+", str(facts.get("libc") or ""))
    return Platform(
        subdir=subdir_of(str(facts.get("machine", ""))),
        glibc=glibc or (seen[0] if seen else _OLDEST_GLIBC),
        kernel=kernel[0] if kernel else "",
        cuda=cuda_of_driver(str(facts.get("nvidia", ""))) if cuda is None else cuda,
        archspec=archspec,
    )
