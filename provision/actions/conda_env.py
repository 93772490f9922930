"""The action `conda_env`."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any, Literal

from provision.actions.args import Mode, arg
from provision.actions.base import Action, ActionContext, Blob, Call, Outcome, Script, blob_of
from provision.actions.envs.sources import given_name, lock_named, sourced
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "CondaEnv"]

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_TIMEOUT_S = 3600.0
_STATES = Literal["present", "absent"]
_LEVELS = Literal["records", "files", "hashes"]
_PRIORITIES = Literal["flexible", "strict", "disabled"]


@dataclass(frozen=True, slots=True)
class Args:
    name: str | None = arg("Its name; by default the file's.", default=None)
    file: str | None = arg(
        "The exported environment.yml, looked for in `envs/`; or an @EXPLICIT list, conda-lock's "
        "or pixi's lock.",
        default=None,
        aliases=("src",),
    )
    lock: str | None = arg(
        "The lock to take instead of solving. By default the one beside `file` "
        "(`bert.yml`: `bert.lock.yml`) if there is one; `none` to solve anyway.",
        default=None,
    )
    state: _STATES = arg("Whether it should be there.", default="present")
    conda: str = arg(
        "The Miniconda prefix on the host.", default="/opt/miniconda3", aliases=("prefix",)
    )
    envs_dir: str | None = arg(
        "Where environments lie; by default `envs` in that prefix.", default=None
    )
    channels: list[str] | None = arg("Channels instead of the file's.", default=None)
    channel_alias: str | None = arg(
        "Address under which plain channel names live; also from the variable "
        "`conda_channel_alias`.",
        default=None,
    )
    mirrors: dict[str, str] | None = arg(
        "Channel name, or start of a channel's address, to the address that serves it; also "
        "from the variable `conda_mirrors`. Records keep the channel's own address.",
        default=None,
    )
    channel_priority: _PRIORITIES = arg("As conda's setting.", default="flexible")
    accept_defaults_terms: bool = arg(
        "The vendor's terms for the `defaults` channels are accepted; it is recorded.",
        default=False,
    )
    index_url: str | None = arg(
        "Package index for the pip section; also from the variable `pip_index_url`. By default "
        "the file's, else what pip on the controller uses.",
        default=None,
    )
    pip: bool = arg("Install the pip section.", default=True)
    sdists: bool = arg("Build pip packages that have no wheel, on the host.", default=False)
    cuda: str | None = arg(
        "CUDA version to choose builds for, e.g. `12.4`; `none` for no GPU. By default what the "
        "host's driver runs.",
        default=None,
    )
    glibc: str | None = arg("glibc version to choose builds for.", default=None)
    archspec: str | None = arg("Microarchitecture to choose builds for.", default=None)
    verify: str | list[str] | None = arg(
        'A command that must succeed in the new environment, e.g. `python -c "import torch"`.',
        default=None,
    )
    check_level: _LEVELS = arg(
        "How deep to look: package records, the existence of each file, or its hash.",
        default="records",
    )
    keep: int = arg("Older generations to keep.", default=2)
    owner: str | None = arg("Who owns it.", default=None)
    group: str | None = arg("Which group owns it.", default=None)
    mode: Mode | None = arg("Permission bits of its directory.", default=None)
    force: bool = arg("Solve and build again even when nothing has changed.", default=False)
    timeout: float = arg("Seconds for the build.", default=_TIMEOUT_S)


class CondaEnv(Action):
    name = "conda_env"
    names = ("conda_environment",)
    summary = "Rebuild a conda environment exactly from its exported environment.yml."
    Args = Args
    examples = (
        "- conda_env:\n    name: model-bert-v1\n    file: bert.yml\n"
        "- conda_env:\n    file: diffusers.yml\n    index_url: https://mirror.example/simple\n"
        '    verify: python -c "import diffusers"\n'
        "- conda_env:\n    name: model-bert-v1\n    lock: bert.lock.yml\n"
        "- conda_env: {name: old-model, state: absent}\n"
    )
    notes = (
        "Solved once on the controller for each platform; every host installs the same list, "
        "checked by hash. Where `provision env lock` has put a lock beside the file, nothing is "
        "solved; one whose file has changed since is an error. A new generation is built beside "
        "the running one, in `envs/.generations/NAME-HASH`, verified, and then the name moves to "
        "it at once; a failed build changes nothing. An environment that plain conda made under "
        "the name is moved to `envs/.generations/NAME-foreign-TIME`."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if args.state == "absent":
            name = args.name or given_name(args, ctx)
            return Call(
                "conda_env",
                {"state": "absent", "name": _checked(name), "envs_dir": _envs_dir(args)},
            )
        if not args.file and not lock_named(args):
            raise PlaybookError("conda_env needs 'file' or 'lock' unless 'state' is absent")
        if args.keep < 0:
            raise PlaybookError("conda_env: 'keep' cannot be negative")
        return _present(args, ctx)


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name in ("base", "root"):
        raise PlaybookError(
            f"conda_env: {name!r} cannot be an environment's name"
            if name
            else "conda_env needs 'name': the file has none",
            hint="letters, digits, '.', '_', '+' and '-'" if name else "",
        )
    return name


def _envs_dir(args: Any) -> str:
    return args.envs_dir or f"{args.conda.rstrip('/')}/envs"


def _present(args: Any, ctx: ActionContext) -> Call:
    from provision.conda.channels import has_credentials
    from provision.conda.payload import build_payload

    found = sourced(args, ctx)
    lock = found.lock
    name = _checked(args.name or given_name(args, ctx))
    for secret in found.indexes.secrets():
        ctx.secret(secret)
    for channel in found.channels:
        if has_credentials(channel.fetch_url):
            ctx.secret(channel.fetch_url)

    def pack() -> Blob:
        terms = args.accept_defaults_terms
        data = build_payload(lock, found.channels, sdists=args.sdists, terms_accepted=terms)
        return blob_of(data)

    blob = ctx.shared(("conda_env payload", found.key), pack)
    sent = {
        "state": "present",
        "name": name,
        "conda": args.conda.rstrip("/"),
        "envs_dir": _envs_dir(args),
        "generation": lock.generation(name),
        "digest": lock.packages_digest(),
        "payload": blob.sha256,
        "python": bool(lock.python),
        "variables": dict(lock.variables),
        "pip_env": found.indexes.pip_environ(),
        "keep": args.keep,
        "check_level": args.check_level,
        "force": args.force,
    }
    for key_, value in (("owner", args.owner), ("group", args.group), ("mode", args.mode)):
        if value is not None:
            sent[key_] = value
    if args.verify:
        sent["verify"] = (
            shlex.split(args.verify) if isinstance(args.verify, str) else list(args.verify)
        )
    return Call("conda_env", sent, blobs=(blob,), timeout_s=args.timeout)


ACTION = CondaEnv()
