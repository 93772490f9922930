"""Miniconda for a host on which no agent can start, over a plain shell.

    script = bootstrap_script(BootstrapRequest(...))
    channel = connection.start(bootstrap_command(script))
    channel.send(script.encode())      # and after it the installer, with `from_stdin`
    channel.send_eof()
    result = bootstrap_result(everything that came back)

The script travels on standard input: an address may hold credentials, and a command line is
seen by everyone on the host.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Literal, cast

__all__ = [
    "BootstrapRequest",
    "BootstrapResult",
    "bootstrap_command",
    "bootstrap_result",
    "bootstrap_script",
]

_MARK = "PROVISION-BOOTSTRAP "
_ARCHS = ("x86_64", "aarch64", "ppc64le", "s390x")
Status = Literal["ok", "changed", "failed"]


@dataclass(frozen=True, slots=True)
class BootstrapRequest:
    """url_head  the installer's address up to the architecture ("…-Linux-")
    sha256     by architecture as `uname -m` has it
    published  whether `<installer>.sha256` may be read where none is given
    from_stdin the installer's bytes follow the script
    rc         text of the new prefix's condarc; note  what its record says
    terms      channels whose terms are to be accepted
    """

    prefix: str
    url_head: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    published: bool = False
    from_stdin: bool = False
    rc: str = ""
    note: str = ""
    terms: tuple[str, ...] = ()
    owner: str = ""
    group: str = ""
    mode: str = ""


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """`python` is the interpreter that carries the agent from now on."""

    status: Status
    msg: str
    python: str


def bootstrap_script(request: BootstrapRequest) -> str:
    """POSIX shell text that installs and prints one line for `bootstrap_result`."""
    values = {"prefix": request.prefix.rstrip("/"), "url_head": request.url_head}
    values |= {f"sha256_of_{arch}": request.sha256.get(arch, "") for arch in _ARCHS}
    values["sha256_published"] = "1" if request.published else "0"
    values["from_stdin"] = "1" if request.from_stdin else "0"
    values |= {"rc": request.rc, "note": request.note, "terms": " ".join(request.terms)}
    values |= {"owner": request.owner, "group": request.group, "mode": request.mode}
    head = "".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items())
    body = (resources.files("provision.conda") / "bootstrap.sh").read_text(encoding="utf-8")
    return head + body


def bootstrap_command(script: str) -> str:
    """The line that reads `script` from standard input, runs it, and leaves the rest of the
    input to it."""
    size = len(script.encode())
    # one byte at a time: what follows the script must not be read away
    read = f'eval "$(dd bs=1 count={size} 2>/dev/null)"'
    return f"exec /bin/sh -c {shlex.quote(read)}"


def bootstrap_result(output: bytes) -> BootstrapResult:
    """What the script said, wherever it stands among what a login shell prints."""
    text = output.decode("utf-8", "replace")
    at = text.rfind(_MARK)
    if at < 0:
        tail = " ".join(text.split())[-300:]
        return BootstrapResult("failed", f"the bootstrap script said nothing: {tail}", "")
    try:
        said = json.loads(text[at + len(_MARK) :].partition("\n")[0])
        status = said["status"]
    except (ValueError, KeyError, TypeError):
        return BootstrapResult("failed", "the bootstrap script's answer makes no sense", "")
    if status not in ("ok", "changed", "failed"):
        return BootstrapResult("failed", f"the bootstrap script said {status!r}", "")
    return BootstrapResult(cast(Status, status), str(said.get("msg", "")), said.get("python", ""))
