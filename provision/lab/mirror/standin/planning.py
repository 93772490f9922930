"""From what is asked for to a transaction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .cache import PackageCache
from .context import Context
from .environment import read_records, requested, spec_name
from .errors import CondaError
from .model import Package
from .solver import solve
from .transaction import Transaction

__all__ = ["apply_specs", "run_explicit"]


def run_explicit(context: Context, prefix: Path, packages: list[Package]) -> None:
    """Installs exactly those archives: no solve, no dependencies."""
    if not packages:
        raise CondaError("CondaValueError", "No package URLs in the explicit file")
    names: dict[str, Package] = {package.name: package for package in packages}
    remove = [
        record
        for record in (read_records(prefix) if prefix.is_dir() else [])
        if record["name"] in names
        and (
            record.get("fn") != names[record["name"]].filename
            or record.get("url") != names[record["name"]].url
        )
    ]
    installed = {record["url"] for record in read_records(prefix)} if prefix.is_dir() else set()
    install = [package for package in names.values() if package.url not in installed]
    for folder, package in zip(
        PackageCache(context.pkgs_dirs, offline=context.offline).fetch(install),
        install,
        strict=True,
    ):
        package.record = json.loads((folder / "info/index.json").read_text())
    specs = [
        f"{context.canonical(item.channel_url)}/{item.subdir}::"
        f"{item.name}=={item.version}={item.build}"
        for item in names.values()
    ]
    Transaction(context, prefix, install, remove, specs).run()


def _pins(context: Context, prefix: Path) -> list[str]:
    pins = [str(pin) for pin in context.setting("pinned_packages")]
    file = prefix / "conda-meta/pinned"
    if file.is_file():
        lines = (line.strip() for line in file.read_text().splitlines())
        pins += [line for line in lines if line and not line.startswith("#")]
    return pins


def _kept(prefix: Path, present: set[str], wanted: set[str]) -> list[str]:
    """Specs for what is there and stays: as it was asked for once, else by name."""
    history = requested(prefix)
    return [
        _without_channel(history[name]) if name in history else name
        for name in sorted(present - wanted)
    ]


def _without_channel(spec: str) -> str:
    """Of a spec that an explicit installation left in the history, only what follows `::`."""
    return spec.rpartition("::")[2] if "/" in spec.partition("::")[0] else spec


def _same(package: Package, record: dict[str, Any] | None) -> bool:
    return (
        record is not None
        and record["version"] == package.version
        and record["build"] == package.build
        and record["channel"] == package.channel_url
    )


def apply_specs(
    context: Context,
    prefix: Path,
    specs: list[str],
    *,
    channels: list[str],
    update: bool = False,
    prune: bool = False,
) -> Transaction:
    """A transaction that brings `prefix` to `specs` beside what it was asked for before.

    update  the named packages, or all without names, may move to newer versions
    prune   what nothing asks for any more goes
    """
    options = context.options
    installed = read_records(prefix) if prefix.is_dir() else []
    have = {record["name"]: record for record in installed}
    wanted = {spec_name(spec): spec for spec in specs}
    kept = [] if prune else _kept(prefix, set(have), set(wanted))
    pins = [pin for pin in _pins(context, prefix) if spec_name(pin) in {*wanted, *have}]
    locked = [
        record for record in installed if not (update and (not specs or record["name"] in wanted))
    ]
    solved = solve(
        context,
        [*wanted.values(), *kept, *pins],
        channels,
        installed=locked,
        freeze=bool(options.get("freeze_installed")),
    )
    if options.get("no_deps"):
        solved = [package for package in solved if package.name in wanted]
    if options.get("only_deps"):
        solved = [package for package in solved if package.name not in wanted]
    again = set(wanted) if options.get("force_reinstall") else set()
    install = [
        package
        for package in solved
        if package.name in again or not _same(package, have.get(package.name))
    ]
    replaced = {package.name for package in install}
    solution = {package.name for package in solved}
    gone = [
        record
        for name, record in have.items()
        if name in replaced or (name not in solution and not options.get("no_deps"))
    ]
    return Transaction(context, prefix, install, gone, specs)
