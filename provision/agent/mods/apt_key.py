"""Keys that apt trusts.

args: id, url, data, file, keyserver, keyring, state, validate_certs.
"""

from __future__ import annotations

import os

from provision.agent import core, fs, install, openpgp, programs, web
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_RING, _RINGS = "/etc/apt/trusted.gpg", "/etc/apt/trusted.gpg.d"
_PORT = 11371


def _address(keyserver: str, wanted: str) -> str:
    """The address at which a keyserver hands out a key."""
    scheme, sep, host = keyserver.partition("://")
    if not sep:
        scheme, host = "hkp", keyserver
    host = host.rstrip("/")
    if scheme == "hkp" and ":" not in host:
        host = "%s:%d" % (host, _PORT)
    scheme = {"hkp": "http", "hkps": "https"}.get(scheme, scheme)
    return "%s://%s/pks/lookup?op=get&options=mr&search=0x%s" % (scheme, host, wanted)


class Trust(core.State):
    """present when every wanted key is in a ring, absent when none is."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.wanted: List[str] = [openpgp.key_id(args["id"])] if args.get("id") else []
        self.fetched: List[openpgp.Key] = []
        if not self.wanted or (args["state"] == "present" and not self._trusted()):
            self._fetch()

    def rings(self) -> List[str]:
        if self.args.get("keyring"):
            return [self.args["keyring"]]
        try:
            names = sorted(os.listdir(_RINGS))
        except OSError:
            names = []
        names = [name for name in names if name.endswith((".gpg", ".asc"))]
        return [_RING] + [os.path.join(_RINGS, name) for name in names]

    def keys(self, path: str) -> List[openpgp.Key]:
        try:
            return openpgp.keys(fs.read_bytes(path))
        except (OSError, Fail):  # none there, or one that apt cannot read either
            return []

    def _here(self) -> List[bool]:
        found = [key for path in self.rings() for key in self.keys(path)]
        return [any(key.is_called(wanted) for key in found) for wanted in self.wanted]

    def _trusted(self) -> bool:
        return all(self._here())

    def _fetch(self) -> None:
        data = self._content()
        try:
            self.fetched = openpgp.keys(data)
        except Fail as exc:
            raise Fail("cannot read the key: %s" % exc.msg) from None
        if not self.fetched:
            raise Fail("cannot read the key: this is no OpenPGP key")
        if not self.wanted:
            self.wanted = [key.fingerprint for key in self.fetched]
        elif not any(key.is_called(self.wanted[0]) for key in self.fetched):
            names = ", ".join(key.fingerprint for key in self.fetched)
            raise Fail("key %s is not what came: %s" % (self.wanted[0], names))

    def _content(self) -> bytes:
        args = self.args
        if args.get("data") is not None:
            return str(args["data"]).encode("utf-8", "surrogateescape")
        if args.get("file"):
            try:
                return fs.read_bytes(fs.expand(args["file"]))
            except OSError as exc:
                raise fs.cannot("read", args["file"], exc) from None
        url = args.get("url") or _address(args["keyserver"], self.wanted[0])
        options = {"validate_certs": args.get("validate_certs", True)}
        answer = web.open_url(self.ctx, url, options)
        try:
            return b"".join(answer.pieces())
        finally:
            answer.close()

    def observe(self) -> Dict[str, Any]:
        here = self._here()
        if self.args["state"] == "absent":
            return {"state": "present" if any(here) else "absent"}
        return {"state": "present" if all(here) else "absent"}

    def desired(self, observed: Observed) -> Dict[str, Any]:
        return {"state": self.args["state"]}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if self.args["state"] == "absent":
            for path in self.rings():
                self._without(path)
            return
        for key in self.fetched:
            ring = self.args.get("keyring")
            path = ring or os.path.join(_RINGS, key.fingerprint[-16:] + ".gpg")
            others = [k.raw for k in self.keys(path) if k.fingerprint != key.fingerprint]
            self._write(path, [*others, key.raw])

    def _without(self, path: str) -> None:
        keys = self.keys(path)
        kept = [k.raw for k in keys if not any(k.is_called(w) for w in self.wanted)]
        if len(kept) == len(keys):
            return
        if not kept:
            os.unlink(path)
        elif path.endswith(".asc"):  # whose name promises armour
            os.unlink(path)
            self._write(path[: -len(".asc")] + ".gpg", kept)
        else:
            self._write(path, kept)

    def _write(self, path: str, keys: List[bytes]) -> None:
        install.make_directories(os.path.dirname(path))
        here = fs.lstat(path)
        mode = 0o644 if here is None else here.st_mode & 0o7777
        install.install(self.ctx, path, lambda: [b"".join(keys)], mode, like=here)

    def data(self, observed: Observed) -> Dict[str, Any]:
        key = self.wanted[0]
        fingerprint = self.fetched[0].fingerprint if self.fetched else key
        return {
            "id": self.args.get("id"),
            "key_id": key[-16:],
            "short_id": key[-8:],
            "fp": fingerprint,
        }


def main(ctx: Context, args: Args) -> Result:
    return programs.settle(ctx, Trust(ctx, args))
