"""The action `apt`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Apt", "Args"]


@dataclass(frozen=True, slots=True)
class Args:
    name: list[str] = arg(
        "Packages: name, name=version, name=1.*, name>=version, name:arch, name/release, na*.",
        factory=list,
        aliases=("package", "pkg"),
    )
    state: Literal["present", "latest", "absent", "build-dep", "fixed"] = arg(
        "`build-dep` installs what building them needs, `fixed` repairs broken dependencies.",
        default="present",
    )
    update_cache: bool = arg(
        "Bring the package lists up to date before something is looked up in them.",
        default=False,
        aliases=("update-cache",),
    )
    cache_valid_time: int = arg("Only when they are older than this, in seconds.", default=0)
    update_cache_retries: int = arg("How often that is tried.", default=5)
    update_cache_retry_max_delay: int = arg("Longest wait between two tries.", default=12)
    upgrade: Literal["no", "yes", "safe", "full", "dist"] = arg(
        "Bring all packages up to date; `full` and `dist` may remove some.", default="no"
    )
    deb: str | None = arg("A package file on the host, or its URL.", default=None)
    default_release: str | None = arg(
        "The release to take packages from.", default=None, aliases=("default-release",)
    )
    install_recommends: bool | None = arg(
        "Whether recommended packages are installed too; else as the host is set.",
        default=None,
        aliases=("install-recommends",),
    )
    purge: bool = arg("With `absent`: configuration files too.", default=False)
    autoremove: bool = arg("Remove packages that nothing needs.", default=False)
    autoclean: bool = arg("Remove package files that cannot be had any more.", default=False)
    clean: bool = arg("Remove all package files that were downloaded.", default=False)
    only_upgrade: bool = arg("Upgrade what is installed, install nothing.", default=False)
    allow_downgrade: bool = arg(
        "Take a lower version.",
        default=False,
        aliases=("allow-downgrade", "allow_downgrades", "allow-downgrades"),
    )
    allow_change_held_packages: bool = arg("Change packages on hold.", default=False)
    allow_unauthenticated: bool = arg(
        "Take packages without a signature.", default=False, aliases=("allow-unauthenticated",)
    )
    fail_on_autoremove: bool = arg("Fail rather than remove a package.", default=False)
    force: bool = arg("Allow all of these.", default=False)
    dpkg_options: str = arg(
        "Options for dpkg, separated by commas.", default="force-confdef,force-confold"
    )
    policy_rc_d: int | None = arg(
        "What services get to hear meanwhile when they want to start: 101 forbids it.",
        default=None,
    )
    lock_timeout: int = arg("Seconds to wait for another apt to end.", default=60)
    force_apt_get: bool = arg("Taken and ignored: apt-get is what is used.", default=True)
    auto_install_module_deps: bool = arg("Taken and ignored: there are none.", default=True)


class Apt(Action):
    name = "apt"
    summary = "Install, upgrade and remove Debian packages."
    Args = Args
    check_mode = "predicts packages and versions as `apt-get -s` does, with the lists as they are"
    notes = (
        "When all packages are there nothing is run. Package lists are brought up to date when "
        "something is looked up in them: `update_cache` on a task that has nothing to install "
        "takes effect at the next one that has. Returns `cache_updated`, `cache_update_time`, "
        "`stdout`, `stderr`; the diff names every package that changed."
    )
    examples = (
        "- apt:\n    name: [nginx, acl]\n    update_cache: true\n    cache_valid_time: 3600\n"
        "- apt:\n    name: linux-image-amd64\n    state: latest\n    install_recommends: false\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.deb and args.name:
            raise PlaybookError("apt takes 'deb' or 'name', not both")
        for name in args.name:
            if name.startswith("-"):
                raise PlaybookError(f"apt: {name!r} cannot be a package")
        sent = wire(args)
        sent["name"] = [name.strip() for name in args.name if name.strip()]
        sent.pop("force_apt_get")
        sent.pop("auto_install_module_deps")
        return Call("apt", sent, timeout_s=None)


ACTION = Apt()
