"""Which members of an archive are meant, what they are called, and what is refused."""

from __future__ import annotations

import posixpath

from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence


class Selection:
    """Which members are meant, and what they are called then."""

    def __init__(
        self,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        strip: int = 0,
        absolute: bool = False,
        dest: str = "",
    ) -> None:
        self.include = list(include)
        self.exclude = list(exclude)
        self.strip = strip
        self.absolute = absolute  # links may lead out of the directory
        self.dest = posixpath.normpath(dest) if dest.startswith("/") else ""

    def name(self, stored: str) -> Optional[str]:
        """The path below the directory; None for what is left out. Raises Fail for one that
        would lead out of it."""
        parts = [part for part in stored.split("/") if part not in ("", ".")]
        if ".." in parts or "\0" in stored:
            raise Fail("the archive's member %s would be written outside dest" % stored)
        plain = "/".join(parts)
        if not plain or not self._chosen(plain):
            return None
        return "/".join(parts[self.strip :]) or None

    def _chosen(self, name: str) -> bool:
        if self.include and not any(_matches(name, each, True) for each in self.include):
            return False
        return not any(_matches(name, each, False) for each in self.exclude)

    def target(self, name: str, target: str) -> str:
        """A link's target. Raises Fail for one that leads out of the directory."""
        where = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        out = where == ".." or where.startswith("../")
        if where.startswith("/"):
            out = not self.dest or not (where + "/").startswith(self.dest.rstrip("/") + "/")
        if out and not self.absolute:
            raise Fail(
                "the archive's link %s leads out of dest, to %s; extra_opts: "
                "[--absolute-names] allows it" % (name, target)
            )
        return target


def _matches(name: str, pattern: str, anchored: bool) -> bool:
    """As tar matches: a whole path, or everything below one; unanchored from any slash on."""
    from fnmatch import fnmatchcase

    pattern = pattern.strip("/")
    if pattern.startswith("./"):
        pattern = pattern[2:]
    at = 0
    while True:
        rest = name[at:]
        if rest == pattern or rest.startswith(pattern + "/") or fnmatchcase(rest, pattern):
            return True
        at = name.find("/", at) + 1
        if anchored or not at:
            return False


class Options:
    """What `extra_opts` ask of tar, as far as it is understood here."""

    def __init__(self, words: Sequence[str]) -> None:
        self.strip = 0
        self.same_owner: Optional[bool] = None
        self.absolute = False
        self.keep_newer = False
        self.touch = False
        self.exclude: List[str] = []
        todo = [word for word in words if word]
        while todo:
            self._take(todo.pop(0), todo)

    def _take(self, word: str, todo: List[str]) -> None:
        key, equals, value = word.partition("=")
        if key in ("--strip-components", "--strip", "--exclude"):
            if not equals:
                if not todo:
                    raise Fail("extra_opts: %s needs a value" % key)
                value = todo.pop(0)
            if key == "--exclude":
                self.exclude.append(value)
            elif value.isdigit():
                self.strip = int(value)
            else:
                raise Fail("extra_opts: %s takes a number, not %s" % (key, value))
        elif word in ("--no-same-owner", "-o"):
            self.same_owner = False
        elif word == "--same-owner":
            self.same_owner = True
        elif word in ("--absolute-names", "-P"):
            self.absolute = True
        elif word == "--keep-newer-files":
            self.keep_newer = True
        elif word in ("--touch", "-m"):
            self.touch = True
        elif key not in _IGNORED:
            raise Fail("extra_opts: %s is not supported" % word)


_IGNORED = frozenset(
    (
        *("-z", "-j", "-J", "-v", "-p", "--gzip", "--bzip2", "--xz", "--zstd", "--verbose"),
        *("--overwrite", "--no-overwrite-dir", "--owner", "--group", "--same-permissions"),
        *("--preserve-permissions", "--no-same-permissions", "--wildcards", "--no-anchored"),
        *("--show-stored-names", "--show-transformed-names", "--no-xattrs", "--no-acls"),
        *("--no-selinux", "--ignore-zeros", "--warning", "--delay-directory-restore"),
    )
)
