"""A source of packages in a file of its own, in the format of RFC 822.

args: as the action's.
"""

from __future__ import annotations

import os

from provision.agent import openpgp, programs, web
from provision.agent.core import Fail
from provision.agent.perms import Perms
from provision.agent.wholefiles import Files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple

    from provision.agent.core import Args, Context, Result

_PARTS, _RINGS = "/etc/apt/sources.list.d", "/etc/apt/keyrings"
_NAMES = {"name": "X-Repolib-Name", "uris": "URIs", "inrelease_path": "InRelease-Path"}
_OWN = ("state", "mode")


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(item) for item in value)
    return str(value)


def _field(key: str) -> str:
    return _NAMES.get(key) or key.replace("_", "-").title()


def _block(key: str) -> str:
    """An armoured key as the value of a field: a dot stands for an empty line."""
    lines = key.strip().splitlines()
    return "\n" + "\n".join(" " + (line.rstrip() or ".") for line in lines)


def _fetched(ctx: Context, url: str) -> bytes:
    answer = web.open_url(ctx, url, {})
    try:
        data = b"".join(answer.pieces())
    finally:
        answer.close()
    if not openpgp.keys(data):
        raise Fail("%s has no OpenPGP key" % web.shown(url))
    return data


def _ring(ctx: Context, stem: str, url: str) -> Tuple[str, Optional[bytes]]:
    """Where the key of an address lies, and its content when it has to be fetched."""
    for suffix in (".asc", ".gpg"):
        path = os.path.join(_RINGS, stem + suffix)
        if os.path.exists(path):
            return path, None
    data = _fetched(ctx, url)
    suffix = ".asc" if b"-----BEGIN" in data else ".gpg"
    return os.path.join(_RINGS, stem + suffix), data


def main(ctx: Context, args: Args) -> Result:
    stem = "-".join(args["name"].replace("/", "-").lower().split())
    dest = os.path.join(_PARTS, stem + ".sources")
    wanted: Dict[str, Optional[bytes]] = {}
    ring: Optional[str] = None
    signed = args.get("signed_by") or ""
    remote = "://" in signed.split("\n", 1)[0]
    if args["state"] == "absent":
        wanted[dest] = None
        if remote:
            for suffix in (".asc", ".gpg"):
                wanted[os.path.join(_RINGS, stem + suffix)] = None
    else:
        if remote:
            ring, data = _ring(ctx, stem, signed)
            if data is not None:
                wanted[ring] = data
        wanted[dest] = _text(args, ring).encode()
    perms = Perms(ctx, {"mode": args.get("mode")})
    result = programs.settle(ctx, Files(ctx, wanted, perms, dest))
    text = wanted[dest]
    result["data"] = {
        "dest": dest,
        "repo": text.decode() if text is not None else None,
        "key_filename": ring,
    }
    return result


def _text(args: Args, ring: Optional[str]) -> str:
    lines = []
    for key in sorted(args):
        value = args[key]
        if key in _OWN or value is None or value == []:
            continue
        if key == "signed_by":
            value = ring or value
            if "-----BEGIN" in value:
                lines.append("Signed-By:" + _block(value))
                continue
        lines.append("%s: %s" % (_field(key), _words(value)))
    return "\n".join(lines) + "\n"
