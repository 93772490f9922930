"""The action `pip`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Pip"]


@dataclass(frozen=True, slots=True)
class Args:
    name: list[str] = arg(
        "Packages: name, name==1.2, name>=1,<2, name[extra], a URL, a path on the host.",
        factory=list,
    )
    version: str | None = arg("The version of a single package.", default=None)
    requirements: str | None = arg("A file of requirements on the host.", default=None)
    state: Literal["present", "absent", "latest", "forcereinstall"] = arg(
        "What should be there.", default="present"
    )
    virtualenv: str | None = arg("A virtual environment, made when it is missing.", default=None)
    virtualenv_command: str = arg("What makes it.", default="virtualenv")
    virtualenv_python: str | None = arg("The Python that it is made with.", default=None)
    virtualenv_site_packages: bool = arg("It sees the system's packages.", default=False)
    executable: str | None = arg("The pip to use, by name or path.", default=None)
    extra_args: str | None = arg("Further words for `pip install`.", default=None)
    editable: bool = arg("Install from a path so that edits take effect.", default=False)
    chdir: str | None = arg("Directory to run pip in.", default=None)
    umask: str | None = arg("umask for what is installed.", default=None)
    break_system_packages: bool = arg(
        "Install also where the distribution forbids it.", default=False
    )


class Pip(Action):
    name = "pip"
    summary = "Python packages, in a virtual environment or the system."
    Args = Args
    check_mode = (
        "predicts from what is installed; `latest` needs pip 22.2 or newer, else it is unknown"
    )
    notes = "When every package is there in a version that fits, pip is not started."
    examples = (
        "- pip:\n    name: [fastapi==0.110.*, uvicorn]\n    virtualenv: /srv/app/venv\n"
        "    virtualenv_command: python3 -m venv\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        if not args.name and not args.requirements and not args.virtualenv:
            raise PlaybookError("pip needs 'name', 'requirements' or 'virtualenv'")
        if args.name and args.requirements:
            raise PlaybookError("pip takes 'name' or 'requirements', not both")
        if args.executable and args.virtualenv:
            raise PlaybookError("pip takes 'executable' or 'virtualenv', not both")
        if args.version and len(args.name) != 1:
            raise PlaybookError("pip: 'version' goes with a single 'name'")
        if args.version and args.state in ("latest", "absent"):
            raise PlaybookError(f"pip: 'version' does not go with 'state: {args.state}'")
        for name in args.name:
            if name.startswith("-"):
                raise PlaybookError(f"pip: {name!r} cannot be a package")
        sent = wire(args)
        sent["name"] = _joined(args.name)
        if args.version:
            exact = args.version if args.version[0] in "=<>!~" else "==" + args.version
            sent["name"] = [sent["name"][0] + exact]
        sent["virtualenv_command"] = shlex.split(args.virtualenv_command)
        sent["extra_args"] = shlex.split(args.extra_args or "")
        return Call("pip", sent)


def _joined(names: list[str]) -> list[str]:
    """`a>=1,<2` comes apart where a text is read as a list; here it is put together again."""
    found: list[str] = []
    for name in (name.strip() for name in names):
        if name[:1] in "<>=!~" and found:
            found[-1] += "," + name
        elif name:
            found.append(name)
    return found


ACTION = Pip()
