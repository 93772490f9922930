"""What a finding is, and what a rule gets to look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from provision.conda.channels import without_credentials
from provision.conda.envfile import EnvironmentFile
from provision.conda.envtext import Edit, EnvText, Text
from provision.conda.lint.data import LINUX, platforms_of
from provision.conda.specs import CondaSpec
from provision.errors import Mark

__all__ = [
    "DEFAULT_NAMES",
    "Finding",
    "Level",
    "LintSettings",
    "Rule",
    "Subject",
    "spec_with",
]

Level = Literal["error", "warning", "note"]

#: Words of meaning and a version: model-bert-v1.
DEFAULT_NAMES = r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*-v[0-9]+(?:\.[0-9]+)*"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that will not travel.

    what  what stands there, one sentence without a full stop
    why   the reason; hint  what to do about it
    edits  the same as changes of the text; () where a person must decide
    """

    rule: str
    level: Level
    mark: Mark
    what: str
    why: str
    hint: str = ""
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class LintSettings:
    """What the file is judged by.

    names      pattern that a whole name must match
    platforms  where it is to be built, () for anywhere
    cuda       newest CUDA the nodes run, "" for none, None when nobody has said
    index      address template of an index for local versions: `{tag}` is `cu121`
    ignore     ids of rules that are left out
    """

    names: str = DEFAULT_NAMES
    platforms: tuple[str, ...] = ()
    cuda: str | None = None
    index: str = ""
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subject:
    """One file: what it says and how it says it. `text` can be edited where a mark is in it."""

    file: EnvironmentFile
    text: Text
    settings: LintSettings = field(default_factory=LintSettings)

    @property
    def path(self) -> str:
        return self.file.path

    @property
    def whole(self) -> Mark:
        return Mark(self.path, 1, 1)

    def key(self, name: str) -> Mark:
        """Where a top-level key stands."""
        found = self.text.key_mark(name, self.path) if isinstance(self.text, EnvText) else None
        return found or self.whole

    def replace(self, mark: Mark | None, new: str) -> tuple[Edit, ...]:
        return _some(self.text.replace(mark, new) if self._own(mark) else None)

    def drop(self, mark: Mark | None) -> tuple[Edit, ...]:
        return _some(self.text.drop(mark) if self._own(mark) else None)

    def insert_before(self, mark: Mark | None, new: str) -> tuple[Edit, ...]:
        return _some(self.text.insert_before(mark, new) if self._own(mark) else None)

    def _own(self, mark: Mark | None) -> bool:
        """Not in a requirements file that this file names."""
        return mark is not None and mark.file == self.path

    @cached_property
    def origin(self) -> str:
        """The platform that an export comes from, as its packages tell; linux-64 if none does.
        osx-64 stands for both of macOS'."""
        for spec in self.file.conda:
            found = platforms_of(spec.name)
            for platform in ("win-64", "osx-64"):
                if platform in found and not found & LINUX:
                    return platform
            if len(found) == 1:
                return next(iter(found))
        return "linux-64"


@dataclass(frozen=True, slots=True)
class Rule:
    """`level` is the usual one; a finding may have another."""

    id: str
    level: Level
    summary: str
    check: Callable[[Subject], Iterator[Finding]]


def _some(edit: Edit | None) -> tuple[Edit, ...]:
    return () if edit is None else (edit,)


def spec_with(spec: CondaSpec, rest: str) -> str:
    """The spec with something else behind its name; its channel without a token."""
    channel = f"{without_credentials(spec.channel)}::" if spec.channel else ""
    return f"{channel}{spec.name}{rest}"
