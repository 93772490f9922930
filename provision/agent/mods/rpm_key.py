"""Keys that rpm trusts.

args: key, state, fingerprint, validate_certs.
"""

from __future__ import annotations

from provision.agent import core, fs, openpgp, programs, web
from provision.agent.core import Fail
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Observed, Result

_QUERY = "%{DESCRIPTION}\\n"


class RpmKeys(core.State):
    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.rpm = programs.need(ctx, "rpm")
        self.raw = b""
        self.names: List[str] = []
        said: str = args["key"]
        if "://" not in said and "/" not in said:
            if args["state"] == "present":
                raise Fail("Not a valid key %s: an address or a file is needed" % said)
            self.names = [openpgp.key_id(said)]
            return
        self.raw = self._content(said)
        try:
            keys = openpgp.keys(self.raw)
        except Fail as exc:
            raise Fail("Not a valid key %s: %s" % (web.shown(said), exc.msg)) from None
        if not keys:
            raise Fail("Not a valid key %s" % web.shown(said))
        self._check(keys)
        self.names = [key.fingerprint for key in keys]

    def _content(self, said: str) -> bytes:
        if "://" not in said:
            try:
                return fs.read_bytes(fs.expand(said))
            except FileNotFoundError:
                raise Missing("there is no key %s" % said) from None
        options = {"validate_certs": self.args.get("validate_certs", True)}
        answer = web.open_url(self.ctx, said, options)
        try:
            return b"".join(answer.pieces())
        finally:
            answer.close()

    def _check(self, keys: List[openpgp.Key]) -> None:
        wanted = ["".join(name.split()).upper() for name in self.args.get("fingerprint") or ()]
        if wanted and not any(key.is_called(name) for key in keys for name in wanted):
            names = ", ".join(key.fingerprint for key in keys)
            raise Fail(
                "The specified fingerprint, '%s', does not match any key fingerprint in '%s'"
                % (", ".join(wanted), names)
            )

    def observe(self) -> Dict[str, Any]:
        done = self.ctx.probe([self.rpm, "-q", "gpg-pubkey", "--qf", _QUERY], ok=(0, 1))
        known: List[openpgp.Key] = []
        for block in done.stdout.split("-----BEGIN")[1:]:
            try:
                known += openpgp.keys(("-----BEGIN" + block).encode())
            except Fail:
                continue
        here = [any(key.is_called(name) for key in known) for name in self.names]
        if self.args["state"] == "absent":
            return {"state": "present" if any(here) else "absent"}
        return {"state": "present" if all(here) else "absent"}

    def desired(self, observed: Observed) -> Dict[str, Any]:
        return {"state": self.args["state"]}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if wanted["state"] == "absent":
            for name in self.names:
                package = "gpg-pubkey-" + name[-8:].lower()
                self.ctx.run([self.rpm, "--erase", "--allmatches", package])
            return
        import tempfile

        with tempfile.NamedTemporaryFile(prefix="provision-", suffix=".asc") as stream:
            stream.write(self.raw)
            stream.flush()
            self.ctx.run([self.rpm, "--import", stream.name])


def main(ctx: Context, args: Args) -> Result:
    try:
        state = RpmKeys(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)
    return programs.settle(ctx, state)
