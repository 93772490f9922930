"""Permissions of everything below a directory."""

from __future__ import annotations

import os
import stat

from provision.agent import fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Set, Tuple

    from provision.agent.perms import Perms

    #: path, wanted attributes, those that differ, whether links are followed
    Entry = Tuple[str, Dict[str, Any], List[str], bool]

_SHOWN = 5


def differing(perms: Perms, top: str, follow: bool) -> List[Entry]:
    """What below `top` is not as `perms` wants it. Links themselves get owner and group;
    with `follow` what they lead to is looked at as well, each directory once."""
    found: List[Entry] = []
    seen: Set[Tuple[int, int]] = set()
    todo = [top]
    while todo:
        folder = todo.pop()
        info = os.stat(folder)
        if (info.st_dev, info.st_ino) in seen:
            continue
        seen.add((info.st_dev, info.st_ino))
        try:
            with os.scandir(folder) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
        except OSError as exc:
            raise fs.cannot("read directory", folder, exc, path=top) from None
        for entry in inside:
            _look(perms, entry.path, follow, found, todo)
    return found


def _look(perms: Perms, path: str, follow: bool, found: List[Entry], todo: List[str]) -> None:
    info = fs.lstat(path)
    if info is None:
        return
    link = stat.S_ISLNK(info.st_mode)
    _compare(perms, path, info, not link, found)
    if link:
        if not follow:
            return
        try:
            info = os.stat(path)
        except OSError:
            return
        path = os.path.realpath(path)
        _compare(perms, path, info, True, found)
    if stat.S_ISDIR(info.st_mode):
        todo.append(path)


def _compare(
    perms: Perms, path: str, info: os.stat_result, follow: bool, found: List[Entry]
) -> None:
    now = perms.observe(path, info)
    wanted = perms.desired(now, path, info, stat.S_ISDIR(info.st_mode))
    changes = [key for key in wanted if wanted[key] != now.get(key)]
    if changes:
        found.append((path, wanted, changes, follow))


def summary(top: str, paths: List[str]) -> str:
    """`as wanted`, or which differ."""
    if not paths:
        return "as wanted"
    names = [os.path.relpath(path, top) for path in paths[:_SHOWN]]
    more = ", …" if len(paths) > _SHOWN else ""
    return "%d not as wanted: %s%s" % (len(paths), ", ".join(names), more)
