"""The action `deb822_repository`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import Mode, arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Deb822Repository"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("Its name, and the file's: /etc/apt/sources.list.d/NAME.sources.")
    state: Literal["present", "absent"] = arg("Whether it is there.", default="present")
    uris: list[str] | None = arg("Addresses.", default=None, example="https://example.org/debian")
    suites: list[str] | None = arg("Suites, or exact paths that end in a slash.", default=None)
    components: list[str] | None = arg("Components.", default=None)
    types: list[Literal["deb", "deb-src"]] = arg("Binaries, sources.", factory=lambda: ["deb"])
    signed_by: str | None = arg(
        "The key: armoured text, a path or fingerprints, or an address from which the host "
        "fetches it into /etc/apt/keyrings.",
        default=None,
    )
    enabled: bool | None = arg("Whether apt uses it.", default=None)
    architectures: list[str] | None = arg("Architectures.", default=None)
    allow_downgrade_to_insecure: bool | None = arg("See sources.list(5).", default=None)
    allow_insecure: bool | None = arg("See sources.list(5).", default=None)
    allow_weak: bool | None = arg("See sources.list(5).", default=None)
    by_hash: bool | None = arg("See sources.list(5).", default=None)
    check_date: bool | None = arg("See sources.list(5).", default=None)
    check_valid_until: bool | None = arg("See sources.list(5).", default=None)
    date_max_future: int | None = arg("See sources.list(5).", default=None)
    exclude: list[str] | None = arg("Packages to leave out.", default=None)
    include: list[str] | None = arg("The only packages to take.", default=None)
    inrelease_path: str | None = arg("See sources.list(5).", default=None)
    languages: list[str] | None = arg("Languages of descriptions.", default=None)
    pdiffs: bool | None = arg("See sources.list(5).", default=None)
    targets: list[str] | None = arg("See sources.list(5).", default=None)
    trusted: bool | None = arg("See sources.list(5).", default=None)
    mode: Mode = arg("Permission bits of the file.", default="0644")
    install_python_debian: bool = arg("Accepted: python-debian is not needed.", default=False)


class Deb822Repository(Action):
    name = "deb822_repository"
    summary = "Keep a source of packages as a deb822 file."
    Args = Args
    notes = (
        "The package lists are not fetched: that is `apt` with `update_cache`. Returns `dest`, "
        "`repo` and `key_filename`. A key from an address is fetched once, and again by a check "
        "and a run when its file is gone."
    )
    examples = (
        "- deb822_repository:\n    name: tools\n    uris: https://example.org/apt\n"
        "    suites: stable\n    components: main\n"
        "    signed_by: https://example.org/apt/key.asc\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.name.strip():
            raise PlaybookError("deb822_repository: 'name' is empty")
        sent = wire(args)
        sent.pop("install_python_debian", None)
        return Call("deb822_repository", sent)


ACTION = Deb822Repository()
