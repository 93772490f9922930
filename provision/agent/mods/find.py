"""Files below directories that fit. args: as in `provision.actions.find`, the paths a list."""

from __future__ import annotations

import os
import stat
import time

from provision.agent import core, fs, stats
from provision.agent.core import Fail
from provision.agent.perms import with_warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List, Optional, Set, Tuple

    from provision.agent.core import Args, Context, Result

_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SIZES = {"b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4}

_IS = {
    "any": bool,
    "link": stat.S_ISLNK,
    "directory": stat.S_ISDIR,
    "file": stat.S_ISREG,
}


def _number(text: Any, units: Dict[str, int], what: str) -> int:
    import re

    match = re.match(r"^(-?\d+)([a-z])?$", str(text).strip().lower())
    if match is None:
        raise Fail("%s: %r is neither a number nor one with a unit" % (what, text))
    unit = match.group(2)
    if unit is not None and unit not in units:
        raise Fail("%s: unknown unit in %r, take one of %s" % (what, text, ", ".join(units)))
    return int(match.group(1)) * (units[unit] if unit else 1)


def _namer(patterns: List[str], use_regex: bool) -> Callable[[str], bool]:
    import fnmatch
    import re

    if not patterns:
        return lambda _: False
    if use_regex:
        try:
            compiled = [re.compile(text) for text in patterns]
        except re.error as exc:
            raise Fail("patterns: not a regular expression: %s" % exc) from None
        return lambda name: any(each.match(name) for each in compiled)
    return lambda name: any(fnmatch.fnmatch(name, each) for each in patterns)


def _at_least(value: float, bound: int) -> bool:
    """Or at most, for a negative bound."""
    return value >= bound if bound >= 0 else value <= -bound


class Search:
    """One search: what fits, how many were looked at, what could not be read."""

    def __init__(self, args: Args) -> None:
        self.args = args
        regex = bool(args.get("use_regex"))
        patterns = args.get("patterns") or ([".*"] if regex else ["*"])
        self.named = _namer(patterns, regex)
        self.excluded = _namer(args.get("excludes") or [], regex)
        self.kind: str = args.get("file_type", "file")
        self.age = None if args.get("age") is None else _number(args["age"], _AGES, "age")
        self.size = None if args.get("size") is None else _number(args["size"], _SIZES, "size")
        self.now = time.time()
        self.limit: Optional[int] = args.get("limit")
        self.depth: Optional[int] = args.get("depth")
        self.contains: Any = None
        if args.get("contains") is not None:
            import re

            try:
                self.contains = re.compile(args["contains"])
            except re.error as exc:
                raise Fail("contains: not a regular expression: %s" % exc) from None
        self.files: List[Dict[str, Any]] = []
        self.skipped: Dict[str, str] = {}
        self.examined = 0
        self.top = ""
        self.seen: Set[Tuple[int, int]] = set()

    def full(self) -> bool:
        return self.limit is not None and len(self.files) >= self.limit

    def below(self, top: str) -> None:
        self.top = top
        if not os.path.isdir(top):
            self.skipped[top] = "'%s' is not a directory" % top
            return
        todo = [(top, 1)]
        while todo and not self.full():
            folder, level = todo.pop(0)
            try:
                names = sorted(os.listdir(folder))
            except OSError as exc:
                self.skipped[folder] = exc.strerror or str(exc)
                continue
            self.examined += len(names)
            if self.depth is not None and level > self.depth:
                continue
            for name in names:
                path = os.path.join(folder, name)
                self._look(name, path)
                if self.full():
                    return
                if self._descend(path):
                    todo.append((path, level + 1))

    def _descend(self, path: str) -> bool:
        """Whether to go into a directory; each one once."""
        if not self.args.get("recurse") or not os.path.isdir(path):
            return False
        if os.path.islink(path) and not self.args.get("follow"):
            return False
        info = os.stat(path)
        if (info.st_dev, info.st_ino) in self.seen:
            return False
        self.seen.add((info.st_dev, info.st_ino))
        return True

    def _look(self, name: str, path: str) -> None:
        """Keeps what fits."""
        if name.startswith(".") and not self.args.get("hidden"):
            return
        try:
            info = os.lstat(path)
        except OSError as exc:
            self.skipped[path] = exc.strerror or str(exc)
            return
        if not _IS[self.kind](info.st_mode) or not self.named(name) or self.excluded(name):
            return
        if self._fits(path, info):
            self.files.append(self._described(path, info))

    def _fits(self, path: str, info: os.stat_result) -> bool:
        if self.age is not None:
            stamp = getattr(info, "st_" + self.args.get("age_stamp", "mtime"))
            if not _at_least(self.now - stamp, self.age):
                return False
        sized = self.size is not None and stat.S_ISREG(info.st_mode)
        if sized and not _at_least(info.st_size, self.size or 0):
            return False
        if not self._mode_fits(info):
            return False
        return self.contains is None or self.kind != "file" or self._contains(path)

    def _mode_fits(self, info: os.stat_result) -> bool:
        said = self.args.get("mode")
        if said is None:
            return True
        bits = stat.S_IMODE(info.st_mode)
        wanted = fs.parse_mode(said, 0 if self._symbolic(said) else bits, False)
        if self.args.get("exact_mode", True):
            return bits == wanted
        return bool(bits & wanted)

    @staticmethod
    def _symbolic(said: str) -> bool:
        return not all(c in "01234567" for c in said)

    def _contains(self, path: str) -> bool:
        encoding = self.args.get("encoding") or "utf-8"
        try:
            with open(path, encoding=encoding) as stream:
                if self.args.get("read_whole_file"):
                    return bool(self.contains.search(stream.read()))
                return any(self.contains.match(line) for line in stream)
        except UnicodeDecodeError:
            self.skipped[self.top] = (
                "Failed to read the file %s due to an encoding error. current encoding: %s"
                % (path, encoding)
            )
        except LookupError as exc:
            self.skipped[self.top] = str(exc)
        except OSError as exc:
            self.skipped[path] = exc.strerror or str(exc)
        return False

    def _described(self, path: str, info: os.stat_result) -> Dict[str, Any]:
        found = stats.facts(path, info)
        if self.args.get("get_checksum") and stat.S_ISREG(info.st_mode):
            algorithm = self.args.get("checksum_algorithm", "sha1")
            try:
                found["checksum"] = stats.digest(path, info.st_size, algorithm)
            except OSError as exc:
                self.skipped[path] = exc.strerror or str(exc)
        return found


def main(ctx: Context, args: Args) -> Result:
    search = Search(args)
    for said in args["paths"]:
        search.below(fs.expand(said))
    msg = "All paths examined"
    if search.skipped:
        msg = "Not all paths examined, check warnings for details"
    elif search.full():
        msg = "Limit of matches reached"
    warnings = ["Skipped '%s' path due to: %s" % pair for pair in search.skipped.items()]
    data: Dict[str, Any] = {
        "files": search.files,
        "matched": len(search.files),
        "examined": search.examined,
        "skipped_paths": search.skipped,
    }
    return with_warnings(core.ok(msg, **data), warnings)
