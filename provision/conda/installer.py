"""Names and addresses of Miniconda's and Miniforge's installers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from provision.conda.vendor import INSTALLER_BASES, INSTALLER_SHA256
from provision.errors import PlaybookError

__all__ = ["Distribution", "Installer", "installer"]

Distribution = Literal["miniconda", "miniforge"]

DEFAULT_PYTHON = "py313"
_ARCHS = {
    "x86_64": "x86_64",
    "amd64": "x86_64",
    "aarch64": "aarch64",
    "arm64": "aarch64",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
}
_VERSION = re.compile(r"\d+(\.\d+)*(-\d+)?")


@dataclass(frozen=True, slots=True)
class Installer:
    """sha256  "" when it is not known and has to be read from `sha256_url`; that is "" too
    when nobody publishes one."""

    name: str
    url: str
    sha256: str
    sha256_url: str
    version: str

    @property
    def conda_version(self) -> str:
        """Without the installer's own build number: "26.7.1-1" → "26.7.1"."""
        return self.version.partition("-")[0]


def installer(
    version: str,
    machine: str,
    *,
    distribution: Distribution = "miniconda",
    python: str | None = None,
    mirror: str = "",
    sha256: str = "",
) -> Installer:
    """The installer of one release. `machine` is what `uname -m` says.

    A mirror of the operator's own may publish `<installer>.sha256` beside the file, as
    Miniforge does. Raises PlaybookError when the release cannot be named, or nobody says its
    hash.
    """
    if not _VERSION.fullmatch(version):
        raise PlaybookError(
            f"miniconda: {version!r} is no release",
            hint='name one, such as "26.7.1-1", so that every host gets the same',
        )
    arch = _ARCHS.get(machine.lower())
    if arch is None:
        raise PlaybookError(f"miniconda: there is no installer for {machine} hosts")
    if distribution == "miniconda":
        tag = (python or DEFAULT_PYTHON).replace(".", "")
        tag = tag if tag.startswith("py") else f"py{tag}"
        name = f"Miniconda3-{tag}_{version}-Linux-{arch}.sh"
    else:
        name = f"Miniforge3-{version}-Linux-{arch}.sh"
    base = (mirror or INSTALLER_BASES[distribution]).replace("{version}", version).rstrip("/")
    url = f"{base}/{name}"
    known = (sha256 or INSTALLER_SHA256.get(name, "")).lower().removeprefix("sha256:")
    if known and not re.fullmatch(r"[0-9a-f]{64}", known):
        raise PlaybookError(f"miniconda: {sha256!r} is no SHA-256")
    published = bool(mirror) or distribution == "miniforge"
    if not known and not published:
        raise PlaybookError(
            f"miniconda: the SHA-256 of {name} is not known",
            hint="say `sha256:`; the vendor's download page lists it",
        )
    return Installer(name, url, known, "" if known or not published else f"{url}.sha256", version)
