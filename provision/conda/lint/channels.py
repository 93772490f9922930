"""Rules about channels."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from provision.conda.channels import has_credentials, without_credentials
from provision.conda.envfile import ChannelLine
from provision.conda.envtext import EnvText
from provision.conda.lint.data import DEFAULTS_FAMILY
from provision.conda.lint.model import Finding, Subject, spec_with
from provision.conda.vendor import TERMS_BASE

__all__ = ["credentials", "default_terms", "local", "missing", "mixed", "nodefaults", "unlisted"]


def _short(name: str) -> str:
    """`https://host/conda-forge/linux-64` → `conda-forge`."""
    path = urlsplit(name).path if "://" in name else name
    words = [w for w in path.strip("/").split("/") if w]
    if words and (words[-1] == "noarch" or words[-1].startswith(("linux-", "osx-", "win-"))):
        words = words[:-1]
    if words[-2:-1] == ["pkgs"]:
        return "/".join(words[-2:])
    return words[-1] if words else name


def _is_default(line: ChannelLine) -> bool:
    name = without_credentials(line.name)
    return name.startswith(TERMS_BASE) or (name if "://" in name else _short(name)) in (
        DEFAULTS_FAMILY
    )


def _is_forge(line: ChannelLine) -> bool:
    return _short(line.name) in ("conda-forge", "bioconda", "rapidsai")


def credentials(subject: Subject) -> Iterator[Finding]:
    why = "whoever gets the file gets the token; conda writes it into records and history, too"
    hint = "say the channel without it; give the token to hosts with `conda_mirrors` or a condarc"
    for line in subject.file.channels:
        if has_credentials(line.name):
            plain = without_credentials(line.name)
            yield Finding(
                "channel-token", "error", line.mark or subject.key("channels"),
                f"the address of {plain} holds a token or password",
                why, hint, subject.replace(line.mark, plain),
            )  # fmt: skip
    for spec in subject.file.conda:
        if has_credentials(spec.channel):
            plain = without_credentials(spec.channel)
            new = f"{plain}::{spec.bare}"
            yield Finding(
                "channel-token", "error", spec.mark or subject.whole,
                f"the channel of {spec.name} holds a token or password",
                why, hint, subject.replace(spec.mark, new),
            )  # fmt: skip


def nodefaults(subject: Subject) -> Iterator[Finding]:
    for line in subject.file.channels:
        if line.name == "nodefaults":
            yield Finding(
                "nodefaults", "error", line.mark or subject.key("channels"),
                "`nodefaults` is listed as a channel",
                "newer releases of conda look for a channel of that name and fail",
                "leave it out; `--override-channels` or the condarc keep others away",
                subject.drop(line.mark),
            )  # fmt: skip


def missing(subject: Subject) -> Iterator[Finding]:
    real = [line for line in subject.file.channels if line.name != "nodefaults"]
    if real or not subject.file.conda or not isinstance(subject.text, EnvText):
        return
    edit = None
    if not subject.file.channels:
        edit = subject.text.insert_key("dependencies", "channels:\n  - conda-forge\n")
    yield Finding(
        "no-channels", "warning", subject.key("dependencies"),
        "the file names no channel",
        "each machine then takes its own condarc's, and other builds with them",
        "add `channels: [conda-forge]`, or those it was made with",
        (edit,) if edit else (),
    )  # fmt: skip


def mixed(subject: Subject) -> Iterator[Finding]:
    forge = [line for line in subject.file.channels if _is_forge(line)]
    defaults = [line for line in subject.file.channels if _is_default(line)]
    if not forge:
        return
    pinned = any(spec.exact for spec in subject.file.conda)
    for line in defaults:
        yield Finding(
            "mixed-channels", "warning", line.mark or subject.key("channels"),
            f"{_short(line.name)!r} stands beside {_short(forge[0].name)!r}",
            "their builds are not made for each other, and which one is taken depends on each "
            "machine's channel priority",
            "keep one of them" + ("; find out which the pinned builds come from" if pinned else ""),
            () if pinned else subject.drop(line.mark),
        )  # fmt: skip


def default_terms(subject: Subject) -> Iterator[Finding]:
    if any(_is_forge(line) for line in subject.file.channels):
        return  # it is told that they do not belong together
    for line in subject.file.channels:
        if _is_default(line):
            yield Finding(
                "default-terms", "warning", line.mark or subject.key("channels"),
                f"the channel {_short(line.name)!r} is used under terms of service",
                "conda stops on each machine until they are accepted; larger organisations pay",
                "take conda-forge, or say `accept_defaults_terms: true` in the task",
            )  # fmt: skip


def local(subject: Subject) -> Iterator[Finding]:
    for line in subject.file.channels:
        if line.name == "local" or line.name.startswith(("file:", "/", "./", "../", "~")):
            yield Finding(
                "local-channel", "error", line.mark or subject.key("channels"),
                f"the channel {line.name!r} lies on one machine",
                "no other machine can install from it",
                "publish the packages, or capture the environment with --include-unavailable",
            )  # fmt: skip


def unlisted(subject: Subject) -> Iterator[Finding]:
    listed = {_short(line.name) for line in subject.file.channels}
    for spec in subject.file.conda:
        if not spec.channel or _short(spec.channel) in listed or has_credentials(spec.channel):
            continue
        exports = _short(spec.channel) in ("pypi",)
        yield Finding(
            "unlisted-channel", "error" if exports else "note", spec.mark or subject.whole,
            f"{spec.name} comes from {_short(spec.channel)!r}, which is not among the channels",
            "that is how `conda list` shows what pip has installed" if exports
            else "its dependencies are looked for in the listed channels alone",
            "write it below `- pip:`" if exports else f"list {_short(spec.channel)!r}, or leave "
            f"the spec at {spec_with(spec, spec.rest).rpartition('::')[2]!r}",
        )  # fmt: skip
