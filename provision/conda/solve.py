"""Finds the packages that fulfil an environment file's specs, on one platform.

The work is done by py-rattler in a child process (`solver_child`).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from provision.conda.channels import Channel, without_credentials
from provision.conda.lock import CondaPackage
from provision.conda.platforms import Platform
from provision.conda.specs import CondaSpec
from provision.errors import EnvironmentFileError, Mark, ProvisionError

__all__ = ["Priority", "SolveRequest", "ask_child", "solve_conda"]

Priority = Literal["strict", "flexible", "disabled"]
_TIMEOUT_S = 1800.0
_RELATED = 6  # lines of the file shown beneath an explanation


@dataclass(frozen=True, slots=True)
class SolveRequest:
    """channels  in order of priority; cache_dir  where repodata is kept between solves."""

    specs: Sequence[CondaSpec]
    channels: Sequence[Channel]
    platform: Platform
    cache_dir: Path
    priority: Priority = "flexible"
    file: str = ""

    def wire(self) -> dict[str, Any]:
        by_name = {channel.name: channel for channel in self.channels}
        return {
            "specs": [_spec_text(spec, by_name) for spec in self.specs],
            "names": [spec.name for spec in self.specs],
            "channels": [{"url": c.url, "fetch_url": c.fetch_url} for c in self.channels],
            "platform": self.platform.subdir,
            "virtual": self.platform.virtual_packages(),
            "cache_dir": str(self.cache_dir),
            "exact": all(spec.exact for spec in self.specs),
            "priority": self.priority,
        }


def _spec_text(spec: CondaSpec, channels: Mapping[str, Channel]) -> str:
    if not spec.channel:
        return spec.text
    name, _, subdir = spec.channel.rpartition("/")
    channel = channels.get(without_credentials(spec.channel)) or channels.get(name)
    if channel is None:
        # a URL that a mirror serves
        plain = without_credentials(spec.channel)
        channel = next((c for c in channels.values() if c.url == plain), None)
    if channel is None:
        return spec.text
    tail = f"/{subdir}" if channel.name == name and subdir else ""
    return f"{channel.fetch_url}{tail}::{spec.bare}"


def solve_conda(request: SolveRequest) -> tuple[CondaPackage, ...]:
    """The packages, sorted by name.

    Raises EnvironmentFileError when there is no solution, with the solver's explanation and
    the lines concerned; ProvisionError when a channel cannot be read.
    """
    request.cache_dir.mkdir(parents=True, exist_ok=True)
    answer = _ask(request)
    if "records" in answer:
        packages = (
            CondaPackage(**{**item, "depends": tuple(item["depends"])})
            for item in answer["records"]
        )
        return tuple(sorted(packages, key=lambda package: package.name))
    if "error" in answer:
        raise _failed(request, answer)
    if answer["missing"]:
        raise _missing(request, answer["missing"])
    raise _unsatisfiable(request, answer["unsatisfiable"])


def _ask(request: SolveRequest) -> dict[str, Any]:
    return ask_child(request.wire(), _mark(request))


def ask_child(request: Mapping[str, Any], mark: Mark | None) -> dict[str, Any]:
    """The answer of a process that works with py-rattler. Raises ProvisionError."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "provision.conda.solver_child"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise ProvisionError(f"solving took longer than {_TIMEOUT_S:.0f} s", mark=mark) from exc
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        why = done.stderr.strip().splitlines()
        raise ProvisionError(
            f"the solver ended with {done.returncode} and without an answer",
            mark=mark,
            why=why[-1] if why else "",
        ) from None
    return answer


def _mark(request: SolveRequest) -> Mark | None:
    return Mark(request.file) if request.file else None


def _failed(request: SolveRequest, answer: Mapping[str, Any]) -> ProvisionError:
    shown = str(answer["error"])
    for channel in request.channels:
        shown = shown.replace(channel.fetch_url, without_credentials(channel.fetch_url))
    if "MatchSpec" in answer["kind"] or "Invalid" in answer["kind"]:
        return EnvironmentFileError("a spec cannot be read", mark=_mark(request), why=shown)
    names = ", ".join(without_credentials(c.fetch_url) for c in request.channels)
    return ProvisionError(f"cannot read the channels {names}", mark=_mark(request), why=shown)


def _missing(request: SolveRequest, missing: Sequence[Mapping[str, Any]]) -> EnvironmentFileError:
    lines = []
    for item in missing:
        spec = request.specs[item["spec"]]
        there = ", ".join(item["there"])
        instead = f"there are {there}" if there else "no package of that name"
        lines.append(f"{spec.text}: {instead}")
    first = request.specs[missing[0]["spec"]]
    names = ", ".join(channel.name for channel in request.channels)
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return EnvironmentFileError(
        f"no channel has {first.text}{more} for {request.platform.subdir}",
        mark=first.mark or _mark(request),
        why="\n".join(lines),
        hint=f"the channels are {names}",
        related=[
            (spec.mark, "nor this")
            for item in missing[1:_RELATED]
            if (spec := request.specs[item["spec"]]).mark
        ],
    )


def _unsatisfiable(request: SolveRequest, why: str) -> EnvironmentFileError:
    concerned = [
        spec
        for spec in request.specs
        if spec.mark and re.search(rf"(?<![\w.-]){re.escape(spec.name)}(?![\w.-])", why)
    ]
    related = [(s.mark, f"asks for {s.name}") for s in concerned[1:_RELATED] if s.mark]
    virtual = ", ".join(f"{n} {v}" for n, v, _ in request.platform.virtual_packages() if v != "0")
    return EnvironmentFileError(
        f"nothing fulfils all of the file's specs for {request.platform.subdir}",
        mark=concerned[0].mark if concerned else _mark(request),
        why=why.strip(),
        hint=f"the host was taken to have {virtual}" if "__" in why else "",
        related=related,
    )
