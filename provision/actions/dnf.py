"""The action `dnf`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Dnf"]


@dataclass(frozen=True, slots=True)
class Args:
    name: list[str] = arg(
        "Packages, groups (@name), package files or URLs; `*` with `latest` for all.",
        factory=list,
        aliases=("pkg",),
    )
    state: Literal["present", "installed", "latest", "absent", "removed"] | None = arg(
        "What should be there; `absent` by default with `autoremove`.", default=None
    )
    list_: str | None = arg(
        "Tell of packages instead: `installed`, `available`, `updates` or a name.", default=None
    )
    enablerepo: list[str] = arg("Repositories to use too.", factory=list)
    disablerepo: list[str] = arg("Repositories not to use.", factory=list)
    exclude: list[str] = arg("Packages to leave alone.", factory=list)
    disable_excludes: str | None = arg(
        "Forget what is excluded: all, main or a repo.", default=None
    )
    disable_gpg_check: bool = arg("Take packages without a signature.", default=False)
    update_cache: bool = arg("Ask the repositories anew.", default=False, aliases=("expire-cache",))
    cacheonly: bool = arg("Use what is cached alone.", default=False)
    update_only: bool = arg("With `latest`: upgrade, install nothing.", default=False)
    security: bool = arg("With `latest`: only security fixes.", default=False)
    bugfix: bool = arg("With `latest`: only bug fixes.", default=False)
    autoremove: bool = arg("Remove what nothing needs.", default=False)
    allow_downgrade: bool = arg("Take a lower version.", default=False)
    allowerasing: bool = arg("Remove what is in the way.", default=False)
    best: bool | None = arg("The newest or nothing.", default=None)
    nobest: bool | None = arg("Not the newest, if need be.", default=None)
    skip_broken: bool = arg("Leave out what cannot be installed.", default=False)
    install_weak_deps: bool = arg("What is recommended too.", default=True)
    enable_plugin: list[str] = arg("Plugins to use.", factory=list)
    disable_plugin: list[str] = arg("Plugins not to use.", factory=list)
    conf_file: str | None = arg("Configuration file.", default=None)
    installroot: str = arg("Install below this directory.", default="/")
    releasever: str | None = arg("Release to install for.", default=None)
    download_only: bool = arg("Download, do not install.", default=False)
    download_dir: str | None = arg("Where to.", default=None)
    sslverify: bool = arg("Check certificates of repositories.", default=True)
    validate_certs: bool = arg("Check certificates of URLs.", default=True)
    lock_timeout: int = arg("Seconds to wait for another dnf to end.", default=30)
    use_backend: str = arg("Taken and ignored: the host's dnf.", default="auto", aliases=("use",))
    install_repoquery: bool = arg("Taken and ignored.", default=True)


class Dnf(Action):
    name = "dnf"
    names = ("yum", "dnf5")
    summary = "Install, upgrade and remove packages of Red Hat's family."
    Args = Args
    check_mode = "predicts what `dnf --assumeno` shows"
    notes = (
        "What is installed is asked of rpm, once for all such tasks in a row; dnf runs only when "
        "something is missing. Returns `results`, a line for each change."
    )
    examples = "- dnf:\n    name: [gcc, '@development']\n    state: present\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        for name in args.name:
            if name.startswith("-"):
                raise PlaybookError(f"dnf: {name!r} cannot be a package")
        if args.list_ and (args.name or args.state):
            raise PlaybookError("dnf takes 'list' alone")
        if args.autoremove and args.state not in (None, "absent", "removed"):
            raise PlaybookError("dnf: 'autoremove' goes with 'state: absent'")
        sent = wire(args)
        default = "absent" if args.autoremove else "present"
        state = args.state or default
        sent["state"] = {"installed": "present", "removed": "absent"}.get(state, state)
        sent["name"] = [name.strip() for name in args.name if name.strip()]
        for ignored in ("use_backend", "install_repoquery"):
            sent.pop(ignored)
        return Call("dnf", sent)


ACTION = Dnf()
