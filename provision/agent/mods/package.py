"""Packages, by the host's own package manager."""

from __future__ import annotations

from provision.agent import core, factdistro
from provision.agent.mods import apt, dnf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

    from provision.agent.core import Args, Context, Result


def _module(use: str) -> Any:
    name = factdistro.package_manager() if use == "auto" else use.rpartition(".")[2]
    if name in ("dnf", "dnf5", "yum", "microdnf"):
        return dnf
    if name == "apt":
        return apt
    raise core.Fail("packages of %s are not covered, only apt's and dnf's" % (name or "this host"))


def prepare(ctx: Context, args_list: Sequence[Args]) -> Any:
    return _module(args_list[0].get("use", "auto")).prepare(ctx, args_list)


def main(ctx: Context, args: Args) -> Result:
    """args: name (list), state, use, and what apt or dnf take."""
    result: Result = _module(args.get("use", "auto")).main(ctx, args)
    return result
