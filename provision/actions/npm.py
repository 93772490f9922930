"""The action `npm`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Npm"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str | None = arg(
        "The package; without one, what package.json in `path` asks for.", default=None
    )
    path: str | None = arg("The project's directory.", default=None)
    version: str | None = arg("Its version.", default=None)
    global_: bool = arg("Install for the whole host.", default=False)
    state: Literal["present", "latest", "absent"] = arg(
        "Whether it is installed.", default="present"
    )
    executable: str | None = arg("The npm to use.", default=None)
    ignore_scripts: bool = arg("Run no scripts of packages.", default=False)
    unsafe_perm: bool = arg("Run scripts of packages as root.", default=False)
    ci: bool = arg("Install exactly what package-lock.json says.", default=False)
    production: bool = arg("Without what is for development only.", default=False)
    registry: str | None = arg("The registry.", default=None)
    no_optional: bool = arg("Without optional packages.", default=False)
    no_bin_links: bool = arg("Make no links to programs.", default=False)
    force: bool = arg("Fetch what is there, too.", default=False)


class Npm(Action):
    name = "npm"
    summary = "Keep Node.js packages installed."
    Args = Args
    check_mode = "predicts from `npm list`; `ci` always changes, `latest` asks the registry"
    examples = "- npm:\n    name: pm2\n    global: true\n- npm:\n    path: /opt/app\n    ci: true\n"

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if args.path is None and not args.global_:
            raise PlaybookError("npm: path must be specified when not using global")
        if args.name is not None and args.name.startswith("-"):
            raise PlaybookError(f"npm: {args.name!r} cannot be a package")
        if args.name is None and (args.global_ or args.state == "absent"):
            raise PlaybookError("npm: 'name' is needed")
        return Call("npm", wire(args))


ACTION = Npm()
