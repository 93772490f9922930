"""The process that solves: a request as JSON on standard input, the answer on standard output.

py-rattler can take the interpreter down after a failed solve, so it works alone in here and
leaves with `os._exit`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import rattler
from rattler.exceptions import SolverError

__all__ = ["main"]

_SHOWN = 5  # versions named in an explanation


def _plain(record: Any, channels: Sequence[dict[str, str]]) -> dict[str, Any]:
    url = str(record.url)
    for channel in channels:
        if url.startswith(channel["fetch_url"].rstrip("/") + "/"):
            break
    else:
        channel = {"url": url.rsplit("/", 2)[0], "fetch_url": ""}
    base = channel["url"].rstrip("/")
    return {
        "name": record.name.normalized,
        "version": str(record.version),
        "build": str(record.build),
        "channel": base,
        "subdir": str(record.subdir),
        "url": f"{base}/{record.subdir}/{record.file_name}",
        "sha256": record.sha256.hex() if record.sha256 else "",
        "md5": record.md5.hex() if record.md5 else "",
        "size": record.size or 0,
        "depends": list(record.depends),
    }


class _Work:
    def __init__(self, request: dict[str, Any]) -> None:
        self.channels: list[dict[str, str]] = request["channels"]
        self.sources = [rattler.Channel(channel["fetch_url"]) for channel in self.channels]
        self.texts: list[str] = request["specs"]
        self.names: list[str] = request["names"]
        self.specs = [rattler.MatchSpec(text) for text in self.texts]
        self.platforms = [rattler.Subdir(request["platform"]), rattler.Subdir("noarch")]
        self.virtual = [
            rattler.GenericVirtualPackage(
                rattler.PackageName(name), rattler.Version(version), rattler.BuildString(build)
            )
            for name, version, build in request["virtual"]
        ]
        self.cache_dir = Path(request["cache_dir"])
        self.gateway = rattler.Gateway(cache_dir=self.cache_dir)
        self.exact: bool = request["exact"]
        self.priority: str = request["priority"]

    async def solve(self, strict: bool) -> list[Any]:
        priority = rattler.ChannelPriority
        return cast(
            "list[Any]",
            await rattler.solve(
                self.sources,
                self.specs,
                gateway=self.gateway,
                platforms=self.platforms,
                virtual_packages=self.virtual,
                channel_priority=priority.Strict if strict else priority.Disabled,
            ),
        )

    async def run(self) -> dict[str, Any]:
        try:
            return await self.answer()
        except Exception as exc:
            if "shard" not in str(exc):
                raise
        # Some servers have sharded repodata and do not serve it as they should (a 304 to a
        # request that is not conditional); they have the whole file too.
        whole = rattler.SourceConfig(sharded_enabled=False)
        self.gateway = rattler.Gateway(cache_dir=self.cache_dir, default_config=whole)
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        # conda's "flexible" reaches below the first channel only where it must.
        tries = {"strict": [True], "disabled": [False]}.get(self.priority, [True, False])
        why = ""
        for strict in tries:
            try:
                records = await self.solve(strict)
            except SolverError as exc:
                why = why or str(exc)
            else:
                return {"records": [_plain(record, self.channels) for record in records]}
        candidates = await self.candidates()
        if self.exact and (found := self.exactly(candidates)):
            return {"records": [_plain(record, self.channels) for record in found]}
        return {"unsatisfiable": why, "missing": self.missing(candidates)}

    async def candidates(self) -> list[list[Any]]:
        """For each spec the records of its name, best channel first."""
        answer = await self.gateway.query(
            self.sources, self.platforms, sorted(set(self.names)), recursive=False
        )
        by_name: dict[str, list[Any]] = {}
        for records in answer:
            for record in records:
                by_name.setdefault(record.name.normalized, []).append(record)
        return [by_name.get(name, []) for name in self.names]

    def exactly(self, candidates: list[list[Any]]) -> list[Any]:
        """The records that an exact export names, when each is there and none lacks a name.

        An environment that exists may break its packages' metadata as it is today.
        """
        chosen: dict[str, Any] = {}
        for spec, records in zip(self.specs, candidates, strict=True):
            fitting = [record for record in records if spec.matches(record)]
            if not fitting:
                return []
            fitting.sort(key=lambda record: not record.file_name.endswith(".conda"))
            chosen[fitting[0].name.normalized] = fitting[0]
        names = {name for record in chosen.values() for name in self.needs(record)}
        return [] if names - set(chosen) else list(chosen.values())

    @staticmethod
    def needs(record: Any) -> set[str]:
        return {
            name
            for spec in record.depends
            if (name := spec.split()[0].rpartition("::")[2]) and not name.startswith("__")
        }

    def missing(self, candidates: list[list[Any]]) -> list[dict[str, Any]]:
        """Specs that no channel can fulfil, with what there is instead."""
        found = []
        for position, (spec, records) in enumerate(zip(self.specs, candidates, strict=True)):
            if any(spec.matches(record) for record in records):
                continue
            there = sorted({(r.version, str(r.build)) for r in records}, reverse=True)
            if self.texts[position].count("=") >= 2:
                near = [f"{version}={build}" for version, build in there]
            else:
                near = list(dict.fromkeys(str(version) for version, _ in there))
            found.append({"spec": position, "there": near[:_SHOWN]})
        return found


class _Lookup:
    """Finds the records of packages that are known by their addresses."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.channels: list[dict[str, str]] = request["channels"]
        self.wanted: list[dict[str, str]] = request["lookup"]
        self.cache_dir = Path(request["cache_dir"])

    async def run(self) -> dict[str, Any]:
        try:
            return await self.answer(rattler.Gateway(cache_dir=self.cache_dir))
        except Exception as exc:
            if "shard" not in str(exc):
                raise
        whole = rattler.SourceConfig(sharded_enabled=False)
        return await self.answer(rattler.Gateway(cache_dir=self.cache_dir, default_config=whole))

    async def answer(self, gateway: Any) -> dict[str, Any]:
        """For each address its record, None where the channel lists it no more."""
        found: dict[str, Any] = {}
        lost: dict[str, str] = {}
        for channel in self.channels:
            mine = [item for item in self.wanted if item["channel"] == channel["url"]]
            try:
                answer = await gateway.query(
                    [rattler.Channel(channel["fetch_url"])],
                    [rattler.Subdir(name) for name in sorted({item["subdir"] for item in mine})],
                    sorted({item["name"] for item in mine}),
                    recursive=False,
                )
            except Exception as exc:
                if "shard" in str(exc):
                    raise
                lost[channel["url"]] = str(exc)
                continue
            for records in answer:
                for record in records:
                    plain = _plain(record, self.channels)
                    found[plain["url"]] = plain
        return {"found": [found.get(item["url"]) for item in self.wanted], "lost": lost}


def main() -> None:
    """Reads the request, answers, and ends the process."""
    request = json.load(sys.stdin)
    try:
        work = _Lookup(request) if "lookup" in request else _Work(request)
        answer = asyncio.run(work.run())
    except Exception as exc:
        answer = {"error": str(exc), "kind": type(exc).__name__}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
