"""The action `apt_repository`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import Mode, arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "AptRepository", "Args"]


@dataclass(frozen=True, slots=True)
class Args:
    repo: str = arg(
        "A line of sources.list, or `ppa:OWNER/NAME`.",
        example="deb [signed-by=/etc/apt/keyrings/x.gpg] https://example.org/apt bookworm main",
    )
    state: Literal["present", "absent"] = arg("Whether it is there.", default="present")
    filename: str | None = arg(
        "File below /etc/apt/sources.list.d, without `.list`; made from the address when not said.",
        default=None,
    )
    mode: Mode | None = arg("Permission bits of the file.", default=None)
    update_cache: bool = arg(
        "Fetch the package lists after a change; when that fails the change is taken back.",
        default=True,
        aliases=("update-cache",),
    )
    update_cache_retries: int = arg("How often to try that.", default=5)
    update_cache_retry_max_delay: int = arg("Longest wait between two tries, seconds.", default=12)
    codename: str | None = arg("The release, for a PPA.", default=None)
    validate_certs: bool = arg("Accepted: nothing is fetched by us.", default=True)
    install_python_apt: bool = arg("Accepted: python-apt is not needed.", default=True)


class AptRepository(Action):
    name = "apt_repository"
    summary = "Keep a source of packages in apt's lists."
    Args = Args
    notes = (
        "A line that is there in any file of apt's is found, whatever its spaces; one that is a "
        "comment comes to life. A file that would be left empty is removed. PPAs need the host's "
        "`add-apt-repository`."
    )
    examples = (
        "- apt_repository:\n    filename: tools\n"
        "    repo: deb [signed-by=/etc/apt/keyrings/tools.asc] https://example.org stable main\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        words = args.repo.split()
        if not args.repo.startswith("ppa:") and (
            len(words) < 3 or words[0] not in ("deb", "deb-src")
        ):
            raise PlaybookError(
                f"apt_repository: Invalid repository string: {args.repo}",
                hint="deb [OPTIONS] ADDRESS SUITE COMPONENT…",
            )
        return Call("apt_repository", wire(args))


ACTION = AptRepository()
