"""The action `jupyter_kernel`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "JupyterKernel"]

_STATES = Literal["present", "absent"]
_NAME = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Args:
    name: str = arg("The kernel's name: small letters, digits, '.', '_' and '-'.")
    env: str | None = arg("The conda environment; by default the kernel's name.", default=None)
    display_name: str | None = arg("What people see; by default the name.", default=None)
    state: _STATES = arg("Whether it should be registered.", default="present")
    user: str | None = arg("Register it for this user; by default for all.", default=None)
    directory: str | None = arg(
        "Jupyter data directory to register it in, instead of the user's or the system's.",
        default=None,
    )
    env_vars: dict[str, str] | None = arg("Environment variables of the kernel.", default=None)
    conda: str = arg(
        "The Miniconda prefix on the host.", default="/opt/miniconda3", aliases=("prefix",)
    )
    envs_dir: str | None = arg(
        "Where environments lie; by default `envs` in that prefix.", default=None
    )


class JupyterKernel(Action):
    name = "jupyter_kernel"
    summary = "Register a conda environment as a Jupyter kernel."
    Args = Args
    examples = (
        "- jupyter_kernel:\n    name: diffusers\n    env: diffusers-v2\n"
        "    display_name: Diffusers 2 (GPU)\n    env_vars: {CUDA_DEVICE_ORDER: PCI_BUS_ID}\n"
        "- jupyter_kernel: {name: old-model, state: absent}\n"
    )
    notes = (
        "The kernel names the environment, not one of its generations, so it follows a switch. "
        "The environment needs `ipykernel`."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if not _NAME.fullmatch(args.name.lower()) or args.name != args.name.lower():
            raise PlaybookError(
                f"jupyter_kernel: {args.name!r} cannot be a kernel's name",
                hint="small letters, digits, '.', '_' and '-'",
            )
        if args.user and args.directory:
            raise PlaybookError("jupyter_kernel takes either 'user' or 'directory'")
        sent: dict[str, Any] = {"name": args.name, "state": args.state}
        for key in ("user", "directory"):
            if (value := getattr(args, key)) is not None:
                sent[key] = value
        if args.state == "present":
            envs = args.envs_dir or f"{args.conda.rstrip('/')}/envs"
            sent |= {
                "prefix": f"{envs.rstrip('/')}/{args.env or args.name}",
                "display_name": args.display_name or args.name,
                "env_vars": {str(k): str(v) for k, v in (args.env_vars or {}).items()},
            }
        return Call("jupyter_kernel", sent)


ACTION = JupyterKernel()
