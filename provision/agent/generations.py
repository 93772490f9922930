"""Generations of an environment: `envs/.generations/NAME-HASH`, and the name that leads to one.

`envs/NAME` is a symlink. A directory there that plain conda made is moved among the
generations, as `NAME-foreign-TIME`, when the name first moves.
"""

from __future__ import annotations

import errno
import os
import time

from provision.agent import condaprefix, fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional

FOLDER = ".generations"
_HEX = 12
_EXCHANGE = 2  # renameat2's RENAME_EXCHANGE
_AT_FDCWD = -100
UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system")


def is_generation(entry: str, name: str) -> bool:
    """Whether a directory's name says that it is one of `name`'s generations."""
    if not entry.startswith(name + "-"):
        return False
    rest = entry[len(name) + 1 :]
    if rest.startswith("foreign-"):
        return rest[8:].isdigit()
    digest, _, again = rest.partition("-r")
    hexadecimal = len(digest) == _HEX and all(c in "0123456789abcdef" for c in digest)
    return hexadecimal and (not again or again.isdigit())


def name_of(entry: str) -> str:
    """The environment whose generation a directory's name says it is; "" for none."""
    head, _, last = entry.rpartition("-")
    if last[:1] == "r" and last[1:].isdigit() and "-" in head:
        head, _, last = head.rpartition("-")
    if head.endswith("-foreign"):
        head = head[: -len("-foreign")]
    return head if head and is_generation(entry, head) else ""


class Generations:
    """Of the environment `name` in the directory `envs`."""

    def __init__(self, envs: str, name: str) -> None:
        self.name = name
        self.link = os.path.join(envs, name)
        self.envs = envs
        self.folder = os.path.join(envs, FOLDER)

    @property
    def lock_path(self) -> str:
        return os.path.join(self.folder, "." + self.name + ".lock")

    def kind(self) -> Optional[str]:
        """What lies at the name: link, directory, None, or something that cannot be one."""
        return fs.kind_of(fs.lstat(self.link))

    def current(self) -> Optional[str]:
        """The prefix that the name leads to, "" for a link to nowhere, None without a name."""
        kind = self.kind()
        if kind == "link":
            return os.path.realpath(self.link) if os.path.exists(self.link) else ""
        return self.link if kind == "directory" else None

    def path(self, generation: str) -> str:
        return os.path.join(self.folder, generation)

    def all(self) -> List[str]:
        """Paths of all generations, finished or not."""
        try:
            entries = sorted(os.listdir(self.folder))
        except OSError:
            return []
        return [self.path(entry) for entry in entries if is_generation(entry, self.name)]

    def finished(self, path: str) -> bool:
        return "-foreign-" in os.path.basename(path) or bool(condaprefix.read_note(path))

    # -- moving the name --------------------------------------------------------------

    def switch(self, prefix: str) -> None:
        """Lets the name lead to `prefix`, at once."""
        temp = os.path.join(self.envs, "." + self.name + ".provision-link")
        if fs.kind_of(fs.lstat(temp)) == "directory":
            self._aside(temp)  # the end came between the two steps of _replace_directory
        fs.remove_tree(temp)
        os.symlink(os.path.relpath(prefix, self.envs), temp)
        if self.kind() == "directory":
            self._replace_directory(temp)
        else:
            os.rename(temp, self.link)
        fs.fsync_directory(self.envs)

    def _replace_directory(self, link: str) -> None:
        if _exchange(link, self.link):
            self._aside(link)
            return
        self._aside(self.link)
        os.rename(link, self.link)

    def _aside(self, path: str) -> None:
        stamp = int(time.time())
        while os.path.lexists(self.path("%s-foreign-%d" % (self.name, stamp))):
            stamp += 1
        os.rename(path, self.path("%s-foreign-%d" % (self.name, stamp)))

    # -- collecting -------------------------------------------------------------------

    def collectable(self, keep: int) -> List[str]:
        """What may go, unless something uses it: half-made prefixes, others of the current
        content (they were damaged, or they are the same), and finished ones beyond `keep`."""
        current = self.current()
        others = [path for path in self.all() if os.path.realpath(path) != current]
        same = _content(current or "")
        useless = [p for p in others if not self.finished(p) or _content(p) == same]
        done = [path for path in others if path not in useless]
        done.sort(key=made, reverse=True)
        return [path for path in useless + done[keep:] if not in_use(path)]

    def collect(self, keep: int) -> List[str]:
        """Removes them; returns the names of what went."""
        gone = []
        for path in self.collectable(keep):
            remove(path)
            gone.append(os.path.basename(path))
        return gone


def _content(path: str) -> str:
    """A generation's name without the number of its rebuilding."""
    head, sep, number = os.path.basename(path).rpartition("-r")
    return head if sep and number.isdigit() else os.path.basename(path)


def made(path: str) -> float:
    built: Any = condaprefix.read_note(path).get("built")
    if isinstance(built, float):
        return built
    info = fs.lstat(path)
    return info.st_mtime if info else 0.0


def remove(path: str) -> None:
    """Its note goes first: what is half-removed is not taken for a generation."""
    try:
        os.unlink(os.path.join(path, condaprefix.RECORD))
    except OSError:
        pass
    fs.remove_tree(path)


def in_use(prefix: str) -> bool:
    """Whether a process runs from it, or a systemd unit is going to."""
    return bool(condaprefix.users(prefix)) or _in_units(prefix)


def _in_units(prefix: str) -> bool:
    needle = (prefix.rstrip("/") + "/").encode("utf-8", "surrogateescape")
    for folder in UNIT_FOLDERS:
        for path in fs.children(folder):
            if path.endswith((".service", ".conf")) and not os.path.islink(path):
                try:
                    if needle in fs.read_bytes(path):
                        return True
                except OSError:
                    continue
    return False


def _exchange(one: str, other: str) -> bool:
    """Swaps two names in one step. False where the kernel or file system cannot."""
    try:
        import ctypes

        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (ImportError, OSError, AttributeError):
        return False
    if call(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), one)
