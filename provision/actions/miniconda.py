"""The action `miniconda`."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from provision.actions.args import Mode, arg
from provision.actions.base import (
    Action,
    ActionContext,
    Blob,
    Call,
    Outcome,
    RawCommand,
    Script,
    blob_of,
)
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Miniconda", "bootstrap"]

_TIMEOUT_S = 1800.0
_DISTRIBUTIONS = Literal["miniconda", "miniforge"]
_STATES = Literal["present", "absent"]
_LEVELS = Literal["records", "files", "hashes"]
_FORGE = "conda-forge"
ARCHS = ("x86_64", "aarch64", "ppc64le", "s390x")


@dataclass(frozen=True, slots=True)
class Args:
    version: str | None = arg('The release, e.g. "26.7.1-1".', default=None)
    python: str | None = arg('Python of the base environment, e.g. "py311".', default=None)
    distribution: _DISTRIBUTIONS = arg("Whose installer.", default="miniconda")
    prefix: str = arg("Where it is installed.", default="/opt/miniconda3", aliases=("path", "dest"))
    state: _STATES = arg("Whether it should be there.", default="present")
    sha256: str | None = arg("The installer's SHA-256, checked before it runs.", default=None)
    mirror: str | None = arg(
        "Address of the directory that holds the installers, instead of the vendor's; also from "
        "the variable `miniconda_mirror`. It may publish `<installer>.sha256` files.",
        default=None,
    )
    installer: str | None = arg(
        "An installer among the project's `files/`, sent to the host instead of downloaded.",
        default=None,
    )
    channels: list[str] | None = arg(
        "Channels of this Miniconda; conda-forge unless said otherwise.", default=None
    )
    channel_alias: str | None = arg(
        "Address under which plain channel names live; also from the variable "
        "`conda_channel_alias`.",
        default=None,
    )
    accept_defaults_terms: bool = arg(
        "The vendor's terms for the `defaults` channels are accepted; it is recorded.",
        default=False,
    )
    pkgs_dirs: list[str] | None = arg("Package caches, e.g. on the big disk.", default=None)
    envs_dirs: list[str] | None = arg("Where conda looks for environments.", default=None)
    owner: str | None = arg("Who owns it.", default=None)
    group: str | None = arg("Which group owns it.", default=None)
    mode: Mode | None = arg("Permission bits of its directory.", default=None)
    check_level: _LEVELS = arg(
        "How deep to look: package records, the existence of each file, or its hash.",
        default="records",
    )
    timeout: float = arg("Seconds for the installation.", default=_TIMEOUT_S)


class Miniconda(Action):
    name = "miniconda"
    summary = "Install Miniconda or Miniforge, upgrade it, repair it."
    Args = Args
    examples = (
        '- miniconda:\n    version: "26.7.1-1"\n    python: py313\n    sha256: 0123…\n'
        '- miniconda:\n    version: "26.7.1-1"\n    distribution: miniforge\n'
        "    pkgs_dirs: [/data/conda/pkgs]\n"
    )
    notes = (
        "Works on hosts without Python too. A newer conda than asked for is left alone. The "
        "`defaults` channels are used only with `accept_defaults_terms: true`."
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call | Outcome | Script:
        _check(args)
        sent: dict[str, Any] = {"state": args.state, "prefix": args.prefix.rstrip("/")}
        if args.state == "absent":
            return Call("miniconda", sent)
        blobs: tuple[Blob, ...] = ()
        found = release(args, ctx, str(ctx.facts().get("machine", "")))
        sent |= {
            "version": found.conda_version,
            "release": found.version,
            "url": found.url,
            "sha256": found.sha256,
            "sha256_url": found.sha256_url,
            "distribution": args.distribution,
            "rc": rc_settings(args, ctx),
            "accept_terms": list(terms(args)),
            "check_level": args.check_level,
        }
        if args.python:
            sent["python"] = _python_version(args.python)
        for key in ("owner", "group", "mode"):
            if (value := getattr(args, key)) is not None:
                sent[key] = value
        if args.installer:
            path = ctx.find("files", args.installer)
            blob = ctx.shared(("miniconda installer", str(path)), lambda: blob_of(path))
            if found.sha256 and blob.sha256 != found.sha256:
                raise PlaybookError(
                    f"{path} is not the installer it should be",
                    why=f"its SHA-256 is {blob.sha256}, not {found.sha256}",
                )
            sent |= {"blob": blob.sha256, "sha256": blob.sha256, "sha256_url": ""}
            blobs = (blob,)
        return Call("miniconda", sent, blobs=blobs, timeout_s=args.timeout)

    def without_agent(self, args: Any, ctx: ActionContext) -> RawCommand | Outcome | None:
        from provision.conda.bootstrap import (
            bootstrap_command,
            bootstrap_result,
            bootstrap_script,
        )

        if args.state == "absent":
            return None
        request, installer = bootstrap(args, ctx)
        if ctx.check:
            diff = [{"key": "prefix", "before": None, "after": request.prefix}]
            return Outcome("changed", "the host has no Python yet", diff=diff)
        script = bootstrap_script(request)

        def finish(_rc: int, out: str, err: str) -> Outcome:
            result = bootstrap_result(out.encode())
            diff = [{"key": "prefix", "before": None, "after": request.prefix}]
            return Outcome(
                result.status,
                result.msg,
                diff=diff if result.status == "changed" else [],
                data={"python": result.python, "stderr": err},
            )

        parts: tuple[bytes | Path, ...] = (script.encode(), *([installer] if installer else []))
        return RawCommand(bootstrap_command(script), finish, args.timeout, parts)


def _check(args: Any) -> None:
    prefix = args.prefix.rstrip("/")
    if not prefix.startswith("/") or " " in prefix:
        raise PlaybookError(
            f"miniconda: {args.prefix!r} cannot be a prefix",
            hint="an absolute path without spaces",
        )
    if args.state == "present" and not args.version:
        raise PlaybookError("miniconda needs 'version', such as \"26.7.1-1\"")
    if "defaults" in (args.channels or ()) and not args.accept_defaults_terms:
        raise PlaybookError(
            "miniconda: the `defaults` channels have terms of service that must be accepted",
            hint="say `accept_defaults_terms: true`, or leave `channels` at conda-forge",
        )


def release(args: Any, ctx: ActionContext, machine: str) -> Any:
    """The installer that a task asks for, on a machine of that kind. Raises PlaybookError."""
    from provision.conda.installer import installer

    mirror = args.mirror or str(ctx.vars.get("miniconda_mirror") or "")
    if args.installer and not args.sha256:
        mirror = mirror or "file:"  # the project's own file: its hash is computed
    return installer(
        args.version,
        machine,
        distribution=args.distribution,
        python=args.python,
        mirror=mirror,
        sha256=args.sha256 or "",
    )


def bootstrap(args: Any, ctx: ActionContext) -> tuple[Any, Path | None]:
    """For a host on which no agent can start: what `provision.conda.bootstrap` is to do, and
    the installer to send after the script, if one is to be sent. Raises PlaybookError."""
    from provision.agent import condarc
    from provision.conda.bootstrap import BootstrapRequest

    _check(args)
    accepted = terms(args)
    ready = BootstrapRequest(
        args.prefix.rstrip("/"),
        rc=condarc.change("", rc_settings(args, ctx), []),
        note=json.dumps({"terms": sorted(accepted), "release": args.version}),
        terms=accepted,
        owner=args.owner or "",
        group=args.group or "",
        mode=args.mode or "",
    )
    if args.installer:
        path = ctx.find("files", args.installer)
        blob = ctx.shared(("miniconda installer", str(path)), lambda: blob_of(path))
        digest = dict.fromkeys(ARCHS, args.sha256 or blob.sha256)
        return replace(ready, sha256=digest, from_stdin=True), path
    found = {}
    for arch in ARCHS:
        with contextlib.suppress(PlaybookError):
            found[arch] = release(args, ctx, arch)
    if not found:
        release(args, ctx, ARCHS[0])  # says why not
    arch, first = next(iter(found.items()))
    return replace(
        ready,
        url_head=first.url.removesuffix(f"{arch}.sh"),
        sha256={arch: one.sha256 for arch, one in found.items()},
        published=any(one.sha256_url for one in found.values()),
    ), None


def _python_version(tag: str) -> str:
    """py311 → 3.11"""
    digits = tag.removeprefix("py").replace(".", "")
    if not digits.isdigit() or len(digits) < 2:
        raise PlaybookError(f"miniconda: {tag!r} is no Python", hint='such as "py311"')
    return f"{digits[0]}.{digits[1:]}"


def rc_settings(args: Any, ctx: ActionContext) -> dict[str, Any]:
    """What the prefix's own condarc says."""
    found: dict[str, Any] = {"channels": list(args.channels or [_FORGE])}
    alias = args.channel_alias or str(ctx.vars.get("conda_channel_alias") or "")
    if alias:
        found["channel_alias"] = alias
    for key in ("pkgs_dirs", "envs_dirs"):
        if (value := getattr(args, key)) is not None:
            found[key] = list(value)
    return found


def terms(args: Any) -> tuple[str, ...]:
    """Channels whose terms are to be accepted on the host."""
    from provision.conda.vendor import DEFAULT_CHANNELS

    wanted = args.accept_defaults_terms and "defaults" in (args.channels or ())
    return DEFAULT_CHANNELS if wanted else ()


ACTION = Miniconda()
