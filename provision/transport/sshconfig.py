"""ssh_config(5) files: parsed once, looked up for each host.

The first value of a key wins, `IdentityFile` adds up, `Include` and `Match` work as in
OpenSSH; keys that do not concern us are skipped.
"""

from __future__ import annotations

import fnmatch
import getpass
import glob
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from provision.errors import InputError, Mark

__all__ = ["SYSTEM_CONFIG", "USER_CONFIG", "Directive", "SshConfig", "at_home", "expand"]

USER_CONFIG = "~/.ssh/config"
SYSTEM_CONFIG = "/etc/ssh/ssh_config"
_ADDS_UP = frozenset({"identityfile", "certificatefile"})
_INCLUDE_DEPTH = 16
_LINE = re.compile(r"\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+)(.*?)\s*$")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class Directive:
    """`value` is the rest of the line, `words` the same without quotes."""

    key: str
    value: str
    words: tuple[str, ...]
    mark: Mark


@dataclass(slots=True)
class _Block:
    """Directives under one Host or Match line. `within` are the blocks that include it."""

    condition: Directive | None
    within: tuple[_Block, ...] = ()
    directives: list[Directive] = field(default_factory=list)


def _words(text: str) -> tuple[str, ...]:
    return tuple(
        m[1].replace('\\"', '"').replace("\\\\", "\\") if m[2] is None else m[2]
        for m in _WORD.finditer(text)
    )


def expand(text: str, tokens: Mapping[str, str], mark: Mark | None = None) -> str:
    """Replaces %x tokens, ${VARIABLES} and a leading ~."""

    def token(match: re.Match[str]) -> str:
        name = match[1]
        if name == "%":
            return "%"
        if name not in tokens:
            raise InputError(f"%{name} is not known here", mark=mark, why=text)
        return tokens[name]

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise InputError(f"the variable {match[1]} is not set", mark=mark, why=text)
        return os.environ[match[1]]

    if "$" in text:
        text = re.sub(r"\$\{(\w+)\}", variable, text)
    if "%" in text:
        text = re.sub(r"%(.)", token, text)
    return at_home(text)


def at_home(path: str) -> str:
    """`path` with a leading ~ replaced."""
    return _at_home(path, os.environ.get("HOME", "")) if path.startswith("~") else path


@cache
def _at_home(path: str, _home: str) -> str:
    return str(Path(path).expanduser())


class SshConfig:
    """What the given files say. Threads may share it."""

    def __init__(self, paths: Sequence[str | Path] = (USER_CONFIG, SYSTEM_CONFIG)) -> None:
        """Reads `paths` in order; those that do not exist are skipped. Raises InputError."""
        self._blocks: list[_Block] = []
        self._patterns: dict[str, re.Pattern[str]] = {}
        for path in paths:
            expanded = Path(path).expanduser()
            self._read(expanded, (), system=str(path) == SYSTEM_CONFIG, depth=0)

    # -- reading ----------------------------------------------------------------------

    def _read(self, path: Path, within: tuple[_Block, ...], *, system: bool, depth: int) -> None:
        try:
            text = path.read_text(encoding="utf-8", errors="surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as exc:
            raise InputError(
                f"{path} cannot be read", mark=Mark(str(path)), why=exc.strerror or str(exc)
            ) from exc
        block = self._open(None, within)
        for number, line in enumerate(text.splitlines(), 1):
            stripped = line.strip()
            if not stripped or stripped.startswith("#"):
                continue
            directive = _parse(line, Mark(str(path), number, 1))
            if directive.key in ("host", "match"):
                block = self._open(directive, within)
            elif directive.key == "include":
                if depth >= _INCLUDE_DEPTH:
                    raise InputError("too many nested Include lines", mark=directive.mark)
                for name in _included(directive, system=system):
                    self._read(Path(name), (*within, block), system=system, depth=depth + 1)
                block = self._open(block.condition, within)
            else:
                block.directives.append(directive)

    def _open(self, condition: Directive | None, within: tuple[_Block, ...]) -> _Block:
        block = _Block(condition, within)
        self._blocks.append(block)
        return block

    # -- looking up -------------------------------------------------------------------

    def lookup(self, name: str, given: Mapping[str, str]) -> dict[str, list[Directive]]:
        """What holds for the host called `name`, by lower-case key.

        `given` holds values that win over the files (`hostname`, `user`): Match looks at them.
        One directive a key, except those that add up.
        """
        found: dict[str, list[Directive]] = {}
        verdicts: dict[int, bool] = {}

        def holds(block: _Block) -> bool:
            if id(block) not in verdicts:
                verdicts[id(block)] = all(map(holds, block.within)) and self._matches(
                    block.condition, name, given, found
                )
            return verdicts[id(block)]

        for block in self._blocks:
            if not block.directives or not holds(block):
                continue
            for directive in block.directives:
                known = found.setdefault(directive.key, [])
                if not known or directive.key in _ADDS_UP:
                    known.append(directive)
        return found

    def _matches(
        self,
        condition: Directive | None,
        name: str,
        given: Mapping[str, str],
        found: Mapping[str, list[Directive]],
    ) -> bool:
        if condition is None:
            return True
        if condition.key == "host":
            return self._listed(name, condition.words)

        def current(key: str, default: str) -> str:
            value = found[key][0].value if key in found else ""
            return given.get(key) or value.replace("%h", name) or default

        user = current("user", "")
        values: dict[str, Callable[[], str]] = {
            "host": lambda: current("hostname", name),
            "originalhost": lambda: name,
            "user": lambda: user or getpass.getuser(),
            "localuser": getpass.getuser,
        }
        for negated, criterion, argument in _criteria(condition):
            if criterion in values:
                holds = self._listed(values[criterion](), tuple(argument.split(",")))
            elif criterion == "exec":
                host = values["host"]()
                holds = _succeeds(argument, {"h": host, "n": name, "r": user, "p": "22"})
            else:  # all and final hold; canonical does not, we do not rewrite names
                holds = criterion != "canonical"
            if holds is negated:
                return False
        return True

    def _listed(self, value: str, patterns: Sequence[str]) -> bool:
        """Whether one of `patterns` fits and none of the negated ones."""
        fits = False
        for pattern in patterns:
            negated = pattern.startswith("!")
            if self._pattern(pattern[negated:]).match(value.lower()):
                if negated:
                    return False
                fits = True
        return fits

    def _pattern(self, text: str) -> re.Pattern[str]:
        if text not in self._patterns:
            literal = text.lower().replace("[", "[[]")  # only * and ? mean something here
            self._patterns[text] = re.compile(fnmatch.translate(literal))
        return self._patterns[text]


def _parse(line: str, mark: Mark) -> Directive:
    match = _LINE.match(line)
    if match is None:
        raise InputError("a line without a value", mark=mark, why=line.strip())
    words = _words(match[2])
    single = len(words) == 1 and match[2].startswith('"')
    return Directive(match[1].lower(), words[0] if single else match[2], words, mark)


def _included(directive: Directive, *, system: bool) -> Iterator[str]:
    base = Path(SYSTEM_CONFIG).parent if system else Path("~/.ssh").expanduser()
    for word in directive.words:
        pattern = expand(word, {}, directive.mark)
        yield from sorted(glob.glob(str(base / pattern)))  # noqa: PTH207 - may be absolute


_WITHOUT_ARGUMENT = frozenset({"all", "canonical", "final"})
_WITH_ARGUMENT = frozenset({"host", "originalhost", "user", "localuser", "exec"})


def _criteria(condition: Directive) -> Iterator[tuple[bool, str, str]]:
    """(negated, criterion, argument) of a Match line."""
    words = iter(condition.words)
    for word in words:
        name, equals, argument = word.partition("=")
        criterion = name.lower().lstrip("!")
        if criterion in _WITH_ARGUMENT:
            argument = argument if equals else next(words, "")
        elif criterion not in _WITHOUT_ARGUMENT:
            raise InputError(f"Match {criterion} is not understood", mark=condition.mark)
        yield name.startswith("!"), criterion, argument


def _succeeds(command: str, tokens: Mapping[str, str]) -> bool:
    line = expand(command, {**tokens, "u": getpass.getuser(), "d": str(Path.home())})
    try:
        ended = subprocess.run(
            ["/bin/sh", "-c", line],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=10,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0
