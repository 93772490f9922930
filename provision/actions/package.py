"""The action `package`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Package"]


@dataclass(frozen=True, slots=True)
class Args:
    name: list[str] = arg("Packages, as the host's package manager names them.", aliases=("pkg",))
    state: Literal["present", "installed", "latest", "absent", "removed"] = arg(
        "What should be there.", default="present"
    )
    use: str = arg("`auto`, or `apt` or `dnf`.", default="auto")
    update_cache: bool = arg("Bring package lists up to date first.", default=False)
    cache_valid_time: int = arg("apt: only when they are older, in seconds.", default=0)
    allow_downgrade: bool = arg("Take a lower version.", default=False)
    lock_timeout: int | None = arg("Seconds to wait for another one to end.", default=None)
    install_recommends: bool | None = arg("apt: recommended packages too.", default=None)
    purge: bool = arg("apt: configuration files too.", default=False)
    autoremove: bool = arg("Remove packages that nothing needs.", default=False)
    enablerepo: list[str] = arg("dnf: repositories to use too.", factory=list)
    disablerepo: list[str] = arg("dnf: repositories not to use.", factory=list)
    disable_gpg_check: bool = arg("dnf: take packages without a signature.", default=False)


class Package(Action):
    name = "package"
    summary = "Install and remove packages with whatever the host has: apt or dnf."
    Args = Args
    check_mode = "predicts as `apt` and `dnf` do"
    examples = "- package:\n    name: [git, tmux]\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        for name in args.name:
            if name.startswith("-"):
                raise PlaybookError(f"package: {name!r} cannot be a package")
        sent = wire(args)
        sent["name"] = [name.strip() for name in args.name if name.strip()]
        sent["state"] = {"installed": "present", "removed": "absent"}.get(args.state, args.state)
        return Call("package", sent)


ACTION = Package()
