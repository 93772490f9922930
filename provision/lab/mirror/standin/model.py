"""A package to install, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["Package", "split_filename"]


def split_filename(filename: str) -> tuple[str, str, str]:
    """(name, version, build) of `six-1.17.0-py_0.conda`."""
    stem = filename
    for suffix in (".conda", ".tar.bz2"):
        stem = stem.removesuffix(suffix)
    name, version, build = stem.rsplit("-", 2)
    return name, version, build


@dataclass(slots=True)
class Package:
    """`record` is its repodata entry, as far as it is known before the archive is opened."""

    url: str
    sha256: str = ""
    md5: str = ""
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def filename(self) -> str:
        return unquote(PurePosixPath(urlsplit(self.url).path).name)

    @property
    def stem(self) -> str:
        return "-".join(split_filename(self.filename))

    @property
    def name(self) -> str:
        return split_filename(self.filename)[0]

    @property
    def version(self) -> str:
        return split_filename(self.filename)[1]

    @property
    def build(self) -> str:
        return split_filename(self.filename)[2]

    @property
    def channel_url(self) -> str:
        """With the subdir, as records have it."""
        return self.url.rpartition("/")[0]

    @property
    def subdir(self) -> str:
        return self.channel_url.rpartition("/")[2]

    def label(self, canonical: str) -> str:
        """`conda-forge/noarch::six-1.17.0-py_0`, as the history has it."""
        return f"{canonical}/{self.subdir}::{self.stem}"
