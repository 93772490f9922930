"""Keys of hosts that ssh trusts.

args: name, key, path, hash_host, state.
"""

from __future__ import annotations

import os

from provision.agent import core, edits, fs, install
from provision.agent.core import Fail
from provision.agent.edits import Edit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_KINDS = ("ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")


class Entry:
    """One line: marker, host names, type, data."""

    def __init__(self, marker: str, hosts: str, kind: str, data: str, rest: str) -> None:
        self.marker = marker
        self.hosts = hosts
        self.kind = kind
        self.data = data
        self.rest = rest

    def line(self) -> str:
        parts = (self.marker, self.hosts, self.kind, self.data, self.rest)
        return " ".join(part for part in parts if part) + "\n"

    def hashed(self) -> bool:
        return self.hosts.startswith("|1|")

    def names(self, host: str) -> bool:
        if not self.hashed():
            return host in self.hosts.split(",")
        salt = self.hosts.split("|")[2] if self.hosts.count("|") >= 3 else ""
        try:
            return _hash(host, salt) == self.hosts
        except ValueError:
            return False


def _hash(host: str, salt: str) -> str:
    import hmac
    from binascii import a2b_base64, b2a_base64

    digest = hmac.new(a2b_base64(salt), host.encode(), "sha1").digest()
    return "|1|%s|%s" % (salt, b2a_base64(digest, newline=False).decode())


def parse(line: str, host: str = "") -> Optional[Entry]:
    """The entry of a line; None for comments and what cannot be read. `host` is taken where a
    key stands alone."""
    words = line.split()
    if not words or words[0].startswith("#"):
        return None
    marker = words.pop(0) if words[0].startswith("@") else ""
    if host and words and words[0].startswith(_KINDS):
        words.insert(0, host)
    if len(words) < 3:
        return None
    return Entry(marker, words[0], words[1], words[2], " ".join(words[3:]))


class Known(Edit):
    def __init__(self, ctx: Context, args: Args) -> None:
        Edit.__init__(self, ctx, {"path": args["path"], "create": True})
        self.host: str = args["name"]
        self.hash_host = bool(args.get("hash_host"))
        self.present = args["state"] == "present"
        self.keys = self._keys(args.get("key") or "")

    def _keys(self, text: str) -> List[Entry]:
        keys = []
        for line in text.splitlines():
            if not line.strip() or line.strip().startswith("#"):
                continue
            key = parse(line, self.host)
            if key is None:
                raise Fail("cannot read this as a host's key: %s" % line.strip())
            if not key.names(self.host):
                raise Fail("Host parameter does not match host in the supplied key: %s" % key.hosts)
            keys.append(key)
        return keys

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        lines = [line.decode("utf-8", "surrogateescape") for line in edits.lines_of(old)]
        if self.present:
            for key in self.keys:
                self._put(lines, key)
        else:
            lines = [line for line in lines if not self._goes(line)]
            if old is None:
                return None
        return "".join(lines).encode("utf-8", "surrogateescape")

    def _goes(self, line: str) -> bool:
        entry = parse(line)
        if entry is None or not entry.names(self.host):
            return False
        return not self.keys or any(_same(entry, key) for key in self.keys)

    def _put(self, lines: List[str], key: Entry) -> None:
        place = None
        for at, line in enumerate(lines):
            entry = parse(line)
            if entry is None or not entry.names(self.host):
                continue
            if (entry.kind, entry.marker) != (key.kind, key.marker):
                continue
            if _same(entry, key) and (entry.hashed() or not self.hash_host):
                return
            place = at if place is None else place
        if self.hash_host and not key.hashed():
            from binascii import b2a_base64

            salt = b2a_base64(os.urandom(20), newline=False).decode()
            key = Entry(key.marker, _hash(self.host, salt), key.kind, key.data, key.rest)
        if place is not None:
            lines[place] = key.line()
            return
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(key.line())

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        folder = os.path.dirname(self.path)
        if folder and not os.path.isdir(folder):
            install.make_directories(folder, 0o700 if folder.endswith(".ssh") else None)
        if self.info is None:
            content: bytes = wanted["content"]
            install.install(self.ctx, self.path, lambda: [content], 0o666 & ~fs.current_umask())
            return
        Edit.apply(self, observed, wanted, changes)


def _same(entry: Entry, key: Entry) -> bool:
    return (entry.kind, entry.data, entry.marker) == (key.kind, key.data, key.marker)


def main(ctx: Context, args: Args) -> Result:
    edit = Known(ctx, args)
    result = core.converge(ctx, edit)
    result["data"] = {**args, "path": edit.said}
    return result
