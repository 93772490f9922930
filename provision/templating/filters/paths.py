"""Filters on paths; the file system they look at is the controller's."""

from __future__ import annotations

import glob
import os.path
from collections.abc import Callable, Mapping
from typing import Any

from provision.templating.undefined import type_name

__all__ = ["FILTERS"]


def path_join(paths: Any) -> str:
    if isinstance(paths, str):
        return os.path.join(paths)  # noqa: PTH118
    if isinstance(paths, (list, tuple)):
        return os.path.join(*paths)  # noqa: PTH118
    raise TypeError(f"|path_join expects string or sequence, not {type_name(paths)}")


def commonpath(paths: Any) -> str:
    if not isinstance(paths, (list, tuple)):
        raise TypeError(f"|commonpath expects sequence, not {type_name(paths)}")
    return os.path.commonpath(paths)


def relpath(path: str, start: str = os.curdir) -> str:
    return os.path.relpath(path, start)


def fileglob(pattern: str) -> list[str]:
    """The files, not folders, that match."""
    return [path for path in glob.glob(pattern) if os.path.isfile(path)]  # noqa: PTH113, PTH207


FILTERS: Mapping[str, Callable[..., Any]] = {
    "basename": lambda path: os.path.basename(path),  # noqa: PTH119
    "commonpath": commonpath,
    "dirname": lambda path: os.path.dirname(path),  # noqa: PTH120
    "expanduser": lambda path: os.path.expanduser(path),  # noqa: PTH111
    "expandvars": lambda path: os.path.expandvars(path),
    "fileglob": fileglob,
    "normpath": lambda path: os.path.normpath(path),
    "path_join": path_join,
    "realpath": lambda path: os.path.realpath(path),
    "relpath": relpath,
    "splitext": lambda path: list(os.path.splitext(path)),  # noqa: PTH122
}
