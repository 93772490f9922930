"""Lines of a `pip:` section: what kind each is, and which package it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from provision.errors import EnvironmentFileError, Mark

__all__ = [
    "PipKind",
    "PipLine",
    "normalised",
    "parse_pip_line",
    "parse_requirements",
    "plain_requirement",
    "read_requirements",
]

PipKind = Literal["package", "url", "git", "editable", "path", "option"]

_NAME = re.compile(
    r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?P<extras>\[[^\]]*\])?"
)
_PINNED = re.compile(r"={2,3}\s*(?P<version>[^\s;,*]+)\s*(?:;.*)?")
_OPTIONS = {
    "-i": "index-url",
    "--index-url": "index-url",
    "--pypi-url": "index-url",
    "--extra-index-url": "extra-index-url",
    "-f": "find-links",
    "--find-links": "find-links",
    "--no-index": "no-index",
    "--pre": "pre",
    "--prefer-binary": "prefer-binary",
    "--trusted-host": "trusted-host",
    "--no-binary": "no-binary",
    "--only-binary": "only-binary",
}
_VCS = ("git+", "hg+", "svn+", "bzr+")
_DEPTH = 8  # of requirements files that name others


@dataclass(frozen=True, slots=True)
class PipLine:
    """One line. `name` is normalised; `version` is set for `name==version` alone.

    option  its long name without dashes, e.g. "index-url"; `value` is its value
    """

    text: str
    kind: PipKind
    name: str = ""
    version: str = ""
    option: str = ""
    value: str = ""
    mark: Mark | None = None


def normalised(name: str) -> str:
    """A distribution's name as indexes compare it: `Foo.Bar_baz` → `foo-bar-baz`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def plain_requirement(line: PipLine) -> str:
    """The line without passwords."""
    return re.sub(r"://[^/\s@]+@", "://", line.text)


def _option(text: str, mark: Mark | None) -> PipLine:
    word, _, value = text.partition("=") if text.startswith("--") else (text, "", "")
    if not value:
        word, _, value = text.partition(" ")
    if word[:2] in ("-i", "-f") and not text.startswith("--") and len(word) > 2:
        word, value = text[:2], text[2:]
    known = _OPTIONS.get(word.strip())
    if known is None:
        raise EnvironmentFileError(
            f"the pip option {word.strip()!r} is not understood",
            mark=mark,
            hint="options for where packages come from are read: --index-url, "
            "--extra-index-url, --find-links, --pre",
        )
    return PipLine(text, "option", option=known, value=value.strip().strip("\"'"), mark=mark)


def parse_pip_line(text: str, mark: Mark | None = None) -> PipLine:
    """Raises EnvironmentFileError for an option or a line that makes no sense."""
    text = re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
    if re.match(r"(?:-e|--editable)[\s=]", text):
        return PipLine(text, "editable", mark=mark)
    if text.startswith("-"):
        return _option(text, mark)
    text = re.split(r"\s--hash=", text, maxsplit=1)[0].strip()
    if text.startswith(_VCS):
        return PipLine(text, "git", mark=mark)
    if "://" in text.split(" @ ")[0]:
        return PipLine(text, "url", mark=mark)
    found = _NAME.match(text)
    direct = text.partition("@")[2].strip() if "@" in text else ""
    if found and direct:
        kind: PipKind = "url"
        if direct.startswith(_VCS):
            kind = "git"
        elif direct.startswith(("file:", "/", ".")):
            kind = "path"
        return PipLine(text, kind, normalised(found["name"]), mark=mark)
    if text.startswith((".", "/", "~")) or text.endswith((".whl", ".tar.gz", ".zip")):
        return PipLine(text, "path", mark=mark)
    if not found:
        raise EnvironmentFileError(f"{text!r} is not a pip requirement", mark=mark)
    rest = text[found.end() :].strip()
    if rest and rest[0] not in "=<>!~;(":
        raise EnvironmentFileError(f"{text!r} is not a pip requirement", mark=mark)
    pinned = _PINNED.fullmatch(rest)
    return PipLine(
        text,
        "package",
        normalised(found["name"]),
        pinned["version"] if pinned else "",
        mark=mark,
    )


def _logical_lines(text: str, file: str) -> Iterator[tuple[str, Mark]]:
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1] + " "
            continue
        whole = (held + line).strip()
        if whole and not whole.startswith("#"):
            yield whole, Mark(file, start, 1)
        held, start = "", 0


def read_requirements(
    path: Path, mark: Mark | None, seen: tuple[Path, ...] = ()
) -> tuple[list[PipLine], list[str]]:
    """The lines of a requirements file and of those it names, and the texts of all of them.

    Raises EnvironmentFileError.
    """
    if path in seen or len(seen) > _DEPTH:
        raise EnvironmentFileError(f"{path.name} names itself", mark=mark)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        why = getattr(exc, "strerror", None) or str(exc)
        raise EnvironmentFileError(f"cannot read {path}", mark=mark, why=why) from exc
    return parse_requirements(text, str(path), seen)


def parse_requirements(
    text: str, file: str, seen: tuple[Path, ...] = ()
) -> tuple[list[PipLine], list[str]]:
    """The same of a text; `file` names it, and is where further files are looked for."""
    path = Path(file)
    lines: list[PipLine] = []
    texts = [text]
    for line, place in _logical_lines(text, file):
        named = re.fullmatch(r"(?:-r\s*|--requirement[\s=]+)(.+)", line)
        if named:
            inner, more = read_requirements(
                (path.parent / named[1].strip()).resolve(), place, (*seen, path)
            )
            lines += inner
            texts += more
        else:
            lines.append(parse_pip_line(line, place))
    return lines, texts
