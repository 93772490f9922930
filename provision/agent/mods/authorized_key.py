"""Public keys that may log in as a user.

args: user, key, path, manage_dir, state, key_options, exclusive, comment, follow,
validate_certs.
"""

from __future__ import annotations

import os

from provision.agent import accounts, core, edits, fs, install
from provision.agent.core import Fail
from provision.agent.edits import Edit
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pwd
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed, Result

_KINDS = ("ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")


class Key:
    """One line: options, type, data, comment."""

    def __init__(self, options: str, kind: str, data: str, comment: str) -> None:
        self.options = options
        self.kind = kind
        self.data = data
        self.comment = comment

    def line(self) -> str:
        return " ".join(word for word in (self.options, self.kind, self.data, self.comment) if word)

    def same(self, other: Key) -> bool:
        """Whether it is the same key, whatever its options and comment."""
        return (self.kind, self.data) == (other.kind, other.data)


def _word(text: str) -> Tuple[str, str]:
    """The first word and the rest; quotes hold words together."""
    quoted = False
    for at, letter in enumerate(text):
        if letter == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif letter in " \t" and not quoted:
            return text[:at], text[at:].strip()
    return text, ""


def parse(line: str) -> Optional[Key]:
    """The key of a line; None for a comment, an empty line, or anything else."""
    line = line.strip()
    if not line or line.startswith("#"):
        return None
    options = ""
    kind, rest = _word(line)
    if not kind.startswith(_KINDS):
        options = kind
        kind, rest = _word(rest)
    data, comment = _word(rest)
    if not kind.startswith(_KINDS) or not data:
        return None
    return Key(options, kind, data, comment)


class Keys(Edit):
    def __init__(
        self, ctx: Context, args: Args, path: str, keys: List[Key], user: pwd.struct_passwd
    ) -> None:
        Edit.__init__(self, ctx, {"path": path, "create": True})
        self.task = args
        self.keys = keys
        self.user = user
        self.replaces = not args.get("follow") and os.path.islink(self.said)
        if not args.get("follow"):
            self.path = self.said

    def observe(self) -> Dict[str, Any]:
        seen = Edit.observe(self)
        if self.replaces:  # a link the user owns is read through, never written through
            self.info = None
        return seen

    def edited(self, old: Optional[bytes]) -> Optional[bytes]:
        lines = [line.decode("utf-8", "surrogateescape") for line in edits.lines_of(old)]
        if self.task["state"] == "absent":
            lines = [line for line in lines if not self._said(parse(line))]
            return None if old is None else _joined(lines)
        for key in self.keys:
            _put(lines, key)
        if self.task.get("exclusive"):
            lines = [line for line in lines if self._said(parse(line))]
        if old is None and not lines:
            return None
        return _joined(lines)

    def _said(self, key: Optional[Key]) -> bool:
        return key is not None and any(key.same(said) for said in self.keys)

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        folder = os.path.dirname(self.path)
        own = bool(self.task.get("manage_dir", True))
        try:
            made = bool(install.make_directories(folder)) if folder else False
            if own and folder:
                os.chown(folder, self.user.pw_uid, self.user.pw_gid)
                os.chmod(folder, 0o700)
            elif made:
                os.chmod(folder, 0o755)
        except OSError as exc:
            raise fs.cannot("prepare", folder, exc, path=self.said) from None
        content: bytes = wanted["content"]
        uid, gid = self.user.pw_uid, self.user.pw_gid
        install.install(self.ctx, self.path, lambda: [content], 0o600, uid, gid, like=self.info)
        self.replaces = False


def _put(lines: List[str], key: Key) -> None:
    """Puts a key where it stands already, else at the end."""
    places = [at for at, line in enumerate(lines) if key.same(parse(line) or Key("", "", "", ""))]
    wanted = key.line() + "\n"
    if not places:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines.append(wanted)
        return
    found = parse(lines[places[0]])
    if found is not None and found.line() != key.line():
        lines[places[0]] = wanted
    for at in reversed(places[1:]):
        del lines[at]


def _joined(lines: List[str]) -> bytes:
    return "".join(lines).encode("utf-8", "surrogateescape")


def _keys(ctx: Context, args: Args) -> List[Key]:
    text: str = args["key"]
    if text.strip().startswith(("http://", "https://")):
        from provision.agent import web

        url = text.strip()
        answer = web.open_url(ctx, url, {"validate_certs": args.get("validate_certs", True)})
        try:
            text = b"".join(answer.pieces()).decode("utf-8", "replace")
        finally:
            answer.close()
    keys: List[Key] = []
    for line in text.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        key = parse(line)
        if key is None:
            raise Fail("invalid key specified: %s" % line.strip())
        if args.get("key_options") is not None:
            key.options = args["key_options"]
        if args.get("comment") is not None:
            key.comment = args["comment"]
        keys.append(key)
    return keys


def main(ctx: Context, args: Args) -> Result:
    keys = _keys(ctx, args)
    user = accounts.user(args["user"])
    if user is None:
        words = "Failed to lookup user %s" % args["user"]
        if ctx.check:
            return foreseen(Missing(words))
        raise Fail(words)
    path = args.get("path") or os.path.join(user.pw_dir, ".ssh", "authorized_keys")
    edit = Keys(ctx, args, path, keys, user)
    result = core.converge(ctx, edit)
    result["data"] = {**args, "keyfile": edit.path, "unique": False, **result["data"]}
    result["data"]["key_options"] = args.get("key_options")
    return result
