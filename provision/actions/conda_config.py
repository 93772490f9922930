"""The action `conda_config`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Call, Outcome, Script
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "CondaConfig"]

_SCOPES = Literal["system", "prefix", "user", "env", "path"]


@dataclass(frozen=True, slots=True)
class Args:
    settings: dict[str, Any] | None = arg("Keys and their values.", default=None)
    remove: list[str] | None = arg("Keys that should not be there.", default=None)
    scope: _SCOPES = arg(
        "Which file: /etc/conda/.condarc, that of the Miniconda prefix, of a user, of an "
        "environment, or the one at `path`.",
        default="user",
    )
    path: str | None = arg("The file, for scope `path`.", default=None)
    env: str | None = arg("The environment's name, for scope `env`.", default=None)
    user: str | None = arg("Whose file, for scope `user`; by default the task's.", default=None)
    conda: str = arg("The Miniconda prefix.", default="/opt/miniconda3", aliases=("prefix",))


class CondaConfig(Action):
    name = "conda_config"
    summary = "Set keys in a condarc, and only there."
    Args = Args
    examples = (
        "- conda_config:\n    scope: system\n    settings:\n      channels: [conda-forge]\n"
        "      channel_priority: strict\n      pkgs_dirs: [/data/conda/pkgs]\n"
    )
    notes = "Comments and other keys of the file stay as they are."

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        from provision.conda.settings import KNOWN, checked_settings

        if not args.settings and not args.remove:
            raise PlaybookError("conda_config needs 'settings' or 'remove'")
        for scope, said in (("path", args.path), ("env", args.env), ("user", args.user)):
            if said is not None and args.scope != scope:
                raise PlaybookError(f"conda_config: {scope!r} goes with `scope: {scope}`")
            if said is None and args.scope == scope and scope != "user":
                raise PlaybookError(f"conda_config: scope {scope!r} needs {scope!r}")
        checked_settings({key: None for key in args.remove or () if key not in KNOWN})
        both = set(args.settings or {}) & set(args.remove or ())
        if both:
            raise PlaybookError(f"conda_config: {sorted(both)[0]!r} is both set and removed")
        sent = {
            "scope": args.scope,
            "conda": args.conda.rstrip("/"),
            "settings": checked_settings(args.settings or {}),
            "remove": list(args.remove or ()),
        }
        for key in ("path", "env", "user"):
            if (value := getattr(args, key)) is not None:
                sent[key] = value
        return Call("conda_config", sent)


ACTION = CondaConfig()
