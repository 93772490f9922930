"""conda's `@EXPLICIT` lists: one URL with its hash a line, dependencies first."""

from __future__ import annotations

from collections.abc import Iterable

from provision.conda.lock import CondaPackage

__all__ = ["explicit_text", "in_link_order"]


def in_link_order(packages: Iterable[CondaPackage]) -> list[CondaPackage]:
    """Dependencies before their dependents, python as early as it can be, else by name."""
    by_name = {package.name: package for package in sorted(packages, key=lambda p: p.name)}
    done: dict[str, CondaPackage] = {}

    def visit(name: str, path: frozenset[str]) -> None:
        package = by_name.get(name)
        if package is None or name in done or name in path:  # conda has cycles (python, pip)
            return
        for spec in package.depends:
            visit(spec.split()[0] if spec else "", path | {name})
        done[name] = package

    for name in ("python", *by_name):
        visit(name, frozenset())
    return list(done.values())


def explicit_text(packages: Iterable[CondaPackage], platform: str) -> str:
    """For `conda create --file`, conda 24.9 or newer."""
    lines = [f"# platform: {platform}", "@EXPLICIT"]
    for package in in_link_order(packages):
        digest = f"#sha256:{package.sha256}" if package.sha256 else ""
        if not digest and package.md5:
            digest = f"#{package.md5}"
        lines.append(package.url + digest)
    return "\n".join(lines) + "\n"
