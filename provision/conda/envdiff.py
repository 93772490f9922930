"""How two environments differ, whatever each is told by: a host, a lock, a file.

`a` is what is compared with, `b` what is looked at: *missing* is in `a` alone, *extra* in `b`
alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from provision.agent import condaset
from provision.conda.envfile import EnvironmentFile
from provision.conda.lock import Lock
from provision.conda.pipspecs import PipLine, normalised
from provision.conda.specs import CondaSpec

__all__ = ["Difference", "Kind", "Side", "differences", "side_of_file", "side_of_lock",
           "side_of_read"]  # fmt: skip

_WITH_BUILD = re.compile(r"={1,2}(?P<version>[^=<>!~,|\s]+)=[^=<>!~,|\s]+")
#: What every export of an environment with an interpreter names, and few people do.
_UNASKED = frozenset(
    ("bzip2", "ca-certificates", "libffi", "libzlib", "openssl", "readline", "tzdata", "xz", "zlib")
)

Kind = Literal["missing", "extra", "version", "build", "source", "file", "variable"]
Entry = Sequence[str]


@dataclass(frozen=True, slots=True)
class Difference:
    """`manager` is conda, pip, or "" for files and variables. `a` and `b` are in words, None
    where there is nothing."""

    kind: Kind
    manager: str
    name: str
    a: str | None = None
    b: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"type": "difference", **asdict(self)}


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two.

    packages   the package set (`provision.agent.condaset`); None for a file that must be solved
    conda, pip  what such a file asks for; `complete`: it lists all there is to be
    changed    files that are not as installed: path → SHA-256, None for missing; None: not known
    variables  of activation; None: not known
    platform   conda's subdir, "" where nothing tells
    """

    label: str
    packages: Mapping[str, Entry] | None = None
    conda: tuple[CondaSpec, ...] = ()
    pip: tuple[PipLine, ...] = ()
    complete: bool = True
    changed: Mapping[str, str | None] | None = None
    variables: Mapping[str, str] | None = field(default=None)
    platform: str = ""


def side_of_lock(lock: Lock, label: str) -> Side:
    return Side(
        label, lock.packages(), changed={}, variables=dict(lock.variables), platform=lock.platform
    )


def side_of_file(file: EnvironmentFile, label: str) -> Side:
    whole = all(spec.exact for spec in file.conda) or not _UNASKED.isdisjoint(
        spec.name for spec in file.conda
    )
    return Side(
        label, None, file.conda, file.pip_packages, complete=file.is_export and whole,
        variables=dict(file.variables),
    )  # fmt: skip


def side_of_read(env: Mapping[str, Any], label: str) -> Side:
    """From what a host told of an environment (`provision.agent.condaread`)."""
    from provision.conda.platforms import subdir_of

    machine = str(env.get("facts", {}).get("machine", ""))
    changed = dict(env.get("changed") or {})
    for problem in env.get("problems") or ():
        changed[str(problem)] = None
    return Side(
        label,
        env["packages"],
        changed=changed,
        variables=dict(env.get("variables") or {}),
        platform=subdir_of(machine) if machine else "",
    )


def differences(a: Side, b: Side) -> list[Difference]:
    """In the order of managers and names; [] for environments that are the same."""
    if a.packages is not None and b.packages is not None:
        found = list(_of_sets(a.packages, b.packages))
    elif a.packages is not None:
        found = [_turned(item) for item in _of_file(b, a.packages)]
    elif b.packages is not None:
        found = list(_of_file(a, b.packages))
    else:
        found = list(_of_files(a, b))
    return found + list(_files(a, b)) + list(_variables(a, b))


def _turned(item: Difference) -> Difference:
    kind: Kind = {"missing": "extra", "extra": "missing"}.get(item.kind, item.kind)  # type: ignore[assignment]
    return Difference(kind, item.manager, item.name, item.b, item.a)


def _of_sets(a: Mapping[str, Entry], b: Mapping[str, Entry]) -> Iterator[Difference]:
    for change in condaset.differences(b, a):
        manager, _, name = str(change["key"]).partition(":")
        yield Difference(change["kind"], manager, name, change["after"], change["before"])  # type: ignore[arg-type]


# -- files that must be solved ------------------------------------------------------------


def _of_file(file: Side, packages: Mapping[str, Entry]) -> Iterator[Difference]:
    """What a package set lacks of what a file asks for, and has beyond an export."""
    for spec in sorted(file.conda, key=lambda spec: spec.name):
        there = packages.get(f"conda:{spec.name}")
        if there is None:
            yield Difference("missing", "conda", spec.name, spec.bare)
        elif (kind := _broken(spec, there)) is not None:
            yield Difference(kind, "conda", spec.name, spec.bare, condaset.entry_text(there))
    conda = {key.partition(":")[2] for key in packages if key.startswith("conda:")}
    for line in sorted(file.pip, key=lambda line: line.name):
        there = packages.get(f"pip:{line.name}")
        if not line.name or (there is None and line.name in conda):
            continue  # conda brings it, or nothing tells which one it is
        if there is None:
            yield Difference("missing", "pip", line.name, line.text)
        elif line.version and line.version != there[0]:
            yield Difference("version", "pip", line.name, line.version, there[0])
        elif _other_source(line, there):
            where = line.text.partition("@")[2].strip()
            yield Difference("source", "pip", line.name, where or "index", there[2] or "index")
    if file.complete:
        yield from _beyond(file, packages)


def _beyond(file: Side, packages: Mapping[str, Entry]) -> Iterator[Difference]:
    asked = {f"conda:{spec.name}" for spec in file.conda}
    asked |= {f"pip:{line.name}" for line in file.pip}
    for key in sorted(set(packages) - asked):
        manager, _, name = key.partition(":")
        if key != "conda:pip" or not file.pip:  # comes with a pip section
            yield Difference("extra", manager, name, None, condaset.entry_text(packages[key]))


def _broken(spec: CondaSpec, there: Entry) -> Kind | None:
    """version, build or source when what is there does not fulfil the spec."""
    import rattler

    version, build, source = there[0], there[1], there[2]
    record = rattler.PackageRecord(
        spec.name, version, rattler.BuildString(build), 0, rattler.Subdir("noarch")
    )
    if not rattler.MatchSpec(spec.bare).matches(record):
        if spec.version:
            return "version" if spec.version != version else "build"
        parts = _WITH_BUILD.fullmatch(spec.rest)
        fits = parts and rattler.MatchSpec(f"{spec.name}={parts['version']}").matches(record)
        return "build" if fits else "version"
    channel = spec.channel.rpartition("/")[2] if "://" not in spec.channel else spec.channel
    known = source not in ("", condaset.UNKNOWN)
    return "source" if channel and known and channel not in source else None


def _other_source(line: PipLine, there: Entry) -> bool:
    if line.kind == "package":
        return bool(there[2])
    if line.kind in ("url", "git"):
        where = line.text.partition("@")[2].strip() or line.text
        return bool(where) and where.partition("#")[0] not in (there[2], f"{there[2]}")
    return not there[2]


def _of_files(a: Side, b: Side) -> Iterator[Difference]:
    for manager, one, other in (
        ("conda", {s.name: s.rest for s in a.conda}, {s.name: s.rest for s in b.conda}),
        ("pip", _lines(a.pip), _lines(b.pip)),
    ):
        for name in sorted(set(one) | set(other)):
            before, after = one.get(name), other.get(name)
            if before is None or after is None:
                kind: Kind = "extra" if before is None else "missing"
                yield Difference(kind, manager, name, before, after)
            elif before != after:
                yield Difference("version", manager, name, before, after)


def _lines(lines: Sequence[PipLine]) -> dict[str, str]:
    return {
        line.name or normalised(line.text): line.text.removeprefix(line.name).strip()
        for line in lines
    }


# -- what is not packages -----------------------------------------------------------------


def _files(a: Side, b: Side) -> Iterator[Difference]:
    """Files that somebody has changed on one side, or differently on both."""
    if a.changed is None or b.changed is None:
        return
    for path in sorted(set(a.changed) | set(b.changed)):
        one, other = (_state(side.changed or {}, path) for side in (a, b))
        if one != other:
            yield Difference("file", "", path, one, other)


def _state(changed: Mapping[str, str | None], path: str) -> str:
    if path not in changed:
        return "as installed"
    digest = changed[path]
    return f"changed sha256:{digest[:12]}" if digest else "missing"


def _variables(a: Side, b: Side) -> Iterator[Difference]:
    """By name alone: a value may be nobody else's business."""
    if a.variables is None or b.variables is None:
        return
    for name in sorted(set(a.variables) | set(b.variables)):
        one, other = a.variables.get(name), b.variables.get(name)
        if one != other:
            words = ["none" if value is None else "set" for value in (one, other)]
            if words == ["set", "set"]:
                words = ["one value", "another value"]
            yield Difference("variable", "", name, *words)
