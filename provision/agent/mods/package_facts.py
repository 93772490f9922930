"""Which packages are installed."""

from __future__ import annotations

import os

from provision.agent import core, dpkg, rpm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List

    from provision.agent.core import Args, Context, Result

    Found = Dict[str, List[Dict[str, Any]]]

_APT = ("apt", "dpkg")
_RPM = ("rpm", "dnf", "dnf5", "yum", "zypper")


def _apt(_: Context) -> Found:
    found: Found = {}
    for name, entries in dpkg.Database().details().items():
        found[name] = [{"name": name, "source": "apt", "origin": "", **e} for e in entries]
    return found


def _rpm(ctx: Context) -> Found:
    found: Found = {}
    text = ctx.probe(["rpm", "-qa", "--qf", rpm.FORMAT], ok=(0,), timeout_s=120).stdout
    for package in rpm.parse(text):
        entry = {
            "name": package.name,
            "version": package.version,
            "release": package.release,
            "epoch": None if package.epoch == "0" else int(package.epoch),
            "arch": package.arch,
            "source": "rpm",
        }
        found.setdefault(package.name, []).append(entry)
    return found


def _has_rpm() -> bool:
    return any(os.path.isdir(path) for path in ("/var/lib/rpm", "/usr/lib/sysimage/rpm"))


def main(ctx: Context, args: Args) -> Result:
    """args: manager (list), strategy."""
    asked = [name.lower() for name in args.get("manager") or ["auto"]]
    auto = "auto" in asked
    found: Found = {}
    tried = False
    for names, there, gather in (
        (_APT, os.path.exists(dpkg.STATUS), _apt),
        (_RPM, _has_rpm(), _rpm),
    ):
        if there and (auto or any(name in names for name in asked)):
            tried = True
            for name, entries in gather(ctx).items():
                found.setdefault(name, []).extend(entries)
            if args.get("strategy", "first") == "first":
                break
    if not tried:
        raise core.Fail(
            "Could not detect a supported package manager from the following list: %s" % asked
        )
    result = core.ok()
    result["facts"] = {"packages": found}
    return result
