"""From a list of wanted packages to a changed prefix."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .cache import PackageCache
from .context import Context
from .environment import read_records, spec_name, write_history, write_record
from .errors import CondaError, CondaSystemExit
from .linker import compile_python, link, python_version, run_script, unlink
from .model import Package

__all__ = ["Transaction", "confirm"]


def confirm(context: Context, question: str, default: str = "yes") -> None:
    """Asks on the terminal; without one conda takes the default. Raises CondaSystemExit."""
    if context.setting("always_yes") is True or context.json or context.options.get("dry_run"):
        return
    sys.stdout.write(f"\n{question} {'([y]/n)' if default == 'yes' else '(y/[n])'}? ")
    sys.stdout.flush()
    answer = sys.stdin.readline().strip().lower() or default
    sys.stdout.write("\n")
    if not answer.startswith("y"):
        raise CondaSystemExit("Exiting.")


@dataclass
class Transaction:
    """Changes `prefix` so that it holds `install` in place of `remove`.

    specs  what was asked for, written into the history
    """

    context: Context
    prefix: Path
    install: Sequence[Package] = ()
    remove: Sequence[dict[str, Any]] = ()
    specs: Sequence[str] = ()
    remove_specs: Sequence[str] = ()
    folders: list[Path] = field(default_factory=list)

    def cache(self) -> PackageCache:
        noisy = self.context.json and self.context.setting("quiet") is not True
        return PackageCache(self.context.pkgs_dirs, offline=self.context.offline, progress=noisy)

    @property
    def empty(self) -> bool:
        return not self.install and not self.remove

    def actions(self) -> dict[str, Any]:
        """conda's JSON description."""

        def entry(package: Package) -> dict[str, Any]:
            return {
                "base_url": package.channel_url.rpartition("/")[0],
                "build_number": package.record.get("build_number", 0),
                "build_string": package.build,
                "channel": self.context.canonical(package.channel_url),
                "dist_name": package.stem,
                "name": package.name,
                "platform": package.subdir,
                "version": package.version,
            }

        result: dict[str, Any] = {
            "FETCH": [],
            "LINK": [entry(item) for item in self.install],
            "PREFIX": str(self.prefix),
        }
        if self.remove:
            result["UNLINK"] = [
                entry(Package(record["url"], record=record)) for record in self.remove
            ]
        return result

    def describe(self) -> str:
        lines = ["", "## Package Plan ##", "", f"  environment location: {self.prefix}", ""]
        if self.specs:
            lines += ["  added / updated specs:", *(f"    - {spec}" for spec in self.specs), ""]
        if self.install:
            lines += ["", "The following NEW packages will be INSTALLED:", ""]
            lines += [
                f"  {item.name:<18} "
                f"{self.context.canonical(item.channel_url)}/{item.subdir}::{item.stem} "
                for item in self.install
            ]
        if self.remove:
            lines += ["", "The following packages will be REMOVED:", ""]
            lines += ["  {name}-{version}-{build}".format(**record) for record in self.remove]
        return "\n".join(lines) + "\n"

    def run(self) -> None:
        """Fetches, unlinks, links, compiles, and writes the history last of all."""
        self.prefix.parent.mkdir(parents=True, exist_ok=True)
        folders = self.cache().fetch(self.install)
        (self.prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
        if self.context.options.get("download_only"):
            raise CondaSystemExit(
                "Package caches prepared. UnlinkLinkTransaction cancelled "
                "with --download-only option."
            )
        for record in self.remove:
            unlink(self.prefix, record)
        self._link(folders)
        canonical = self.context.canonical
        write_history(
            self.prefix,
            removed=[
                Package(record["url"]).label(canonical(record["channel"])) for record in self.remove
            ],
            added=[item.label(canonical(item.channel_url)) for item in self.install],
            update=self.specs,
            remove=self.remove_specs,
        )
        self._register()

    def _link(self, folders: list[Path]) -> None:
        ordered = _in_order(self.install, folders)
        gone = {record["name"] for record in self.remove}
        kept = [record for record in read_records(self.prefix) if record["name"] not in gone]
        python = python_version(
            [{"name": item.name, "version": item.version} for item in self.install] + kept
        )
        copy = self.context.setting("always_copy") is True
        specs = {spec_name(spec): spec for spec in self.specs}
        linked = []
        for package, folder in ordered:
            spec = specs.get(package.name)
            linked.append(
                link(
                    package,
                    folder,
                    self.prefix,
                    python,
                    copy=copy,
                    requested=[spec] if spec else [],
                )
            )
        compile_python(self.prefix, [name for item in linked for name in item.sources])
        for item in linked:
            run_script(self.prefix, item.record, "post-link")
            write_record(self.prefix, item.record)

    def _register(self) -> None:
        if self.prefix.resolve() == self.context.root.resolve():
            return
        file = Path.home() / ".conda/environments.txt"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            known = file.read_text().splitlines() if file.exists() else []
            if str(self.prefix) not in known:
                with file.open("a") as stream:
                    stream.write(f"{self.prefix}\n")
        except OSError as error:
            sys.stderr.write(f"Unable to register environment. {error}\n")
            if os.environ.get("CONDA_STANDIN_STRICT"):
                raise CondaError("EnvironmentNotWritableError", str(error)) from error


def _in_order(packages: Sequence[Package], folders: list[Path]) -> list[tuple[Package, Path]]:
    """Dependencies first; python before every noarch package."""
    by_name = {
        package.name: (package, folder) for package, folder in zip(packages, folders, strict=True)
    }
    done: dict[str, tuple[Package, Path]] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in done or name in path or name not in by_name:
            return
        for spec in by_name[name][0].record.get("depends", []):
            visit(spec_name(spec), (*path, name))
        done[name] = by_name[name]

    if "python" in by_name:
        visit("python", ())
    for name in sorted(by_name):
        visit(name, ())
    return list(done.values())
