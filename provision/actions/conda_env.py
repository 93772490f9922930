"""The action `conda_env`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from provision.actions.args import Mode, arg
from provision.actions.base import Action, ActionContext, Blob, Call, Outcome, Script, blob_of
from provision.errors import EnvironmentFileError, PlaybookError

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
        "The exported environment.yml, looked for in `envs/`.", default=None, aliases=("src",)
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
        "- conda_env: {name: old-model, state: absent}\n"
    )
    notes = (
        "Solved once on the controller for each platform; every host installs the same list, "
        "checked by hash. A new generation is built beside the running one, in "
        "`envs/.generations/NAME-HASH`, verified, and then the name moves to it at once; a "
        "failed build changes nothing. An environment that plain conda made under the name is "
        "moved to `envs/.generations/NAME-foreign-TIME`."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        if args.state == "absent":
            name = args.name or (_read(args, ctx).name if args.file else "")
            return Call(
                "conda_env",
                {"state": "absent", "name": _checked(name), "envs_dir": _envs_dir(args)},
            )
        if not args.file:
            raise PlaybookError("conda_env needs 'file' unless 'state' is absent")
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


def _read(args: Any, ctx: ActionContext) -> Any:
    from provision.conda.envfile import read_environment

    path = ctx.find("envs", args.file)

    def make() -> Any:
        return read_environment(path)

    return ctx.shared(("conda_env file", str(path), _stamp(path)), make)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        info = path.stat()
    except OSError as exc:
        raise EnvironmentFileError(f"cannot read {path}", why=exc.strerror or "") from exc
    return info.st_mtime_ns, info.st_size


def _resolution(args: Any, ctx: ActionContext) -> Any:
    """What is asked, for this host's platform. May raise what `ctx.facts` raises."""
    from provision.conda.channels import ChannelMap
    from provision.conda.indexes import Indexes, file_indexes, pip_settings
    from provision.conda.platforms import host_platform
    from provision.conda.resolve import Resolution
    from provision.conda.vendor import CHANNEL_ALIAS

    file = _read(args, ctx)
    cuda = "" if args.cuda in ("none", "") else args.cuda
    indexes = Indexes()
    if args.pip and file.pip_packages:
        own: Indexes = ctx.shared("pip settings", pip_settings)
        url = args.index_url or str(ctx.vars.get("pip_index_url") or "")
        indexes = file_indexes(file, own.distant(), url)
    return Resolution(
        file=file,
        platform=host_platform(
            ctx.facts(), cuda=cuda, glibc=args.glibc or "", archspec=args.archspec or ""
        ),
        channels=ChannelMap(
            args.channel_alias or str(ctx.vars.get("conda_channel_alias") or CHANNEL_ALIAS),
            _mirrors(args, ctx),
        ),
        channel_names=tuple(args.channels or ()),
        priority=args.channel_priority,
        indexes=indexes,
        pip=args.pip,
        sdists=args.sdists,
        accept_terms=args.accept_defaults_terms,
    )


def _mirrors(args: Any, ctx: ActionContext) -> Mapping[str, str]:
    said = args.mirrors if args.mirrors is not None else ctx.vars.get("conda_mirrors") or {}
    if not isinstance(said, Mapping):
        raise PlaybookError("conda_mirrors takes a mapping")
    return {str(key): str(value) for key, value in said.items()}


def _present(args: Any, ctx: ActionContext) -> Call:
    from provision.conda.channels import has_credentials
    from provision.conda.payload import build_payload
    from provision.conda.resolve import resolve

    asked = _resolution(args, ctx)
    name = _checked(args.name or asked.file.name)
    for secret in asked.indexes.secrets():
        ctx.secret(secret)
    channels = asked.resolved_channels()
    for channel in channels:
        if has_credentials(channel.fetch_url):
            ctx.secret(channel.fetch_url)
    key = asked.key()

    def make() -> tuple[Any, Blob]:
        ctx.progress("solve")
        lock = resolve(asked, refresh=args.force)
        data = build_payload(
            lock, channels, sdists=args.sdists, terms_accepted=args.accept_defaults_terms
        )
        return lock, blob_of(data)

    lock, blob = ctx.shared(("conda_env lock", key, args.force), make)
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
        "pip_env": asked.indexes.pip_environ(),
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
