"""Answers to the questions of Debian packages.

args: name, question, vtype, value (text), unseen.
"""

from __future__ import annotations

from provision.agent import core, programs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Sequence

    from provision.agent.core import Args, Context, Observed, Result


class Answer(core.State):
    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.question: str = args.get("question") or ""
        self.hidden = args.get("vtype") == "password"
        self.applied = False
        self.answers: Dict[str, str] = {}
        if self.hidden:
            self.secret = (self.question,)

    def observe(self) -> Dict[str, Any]:
        program = programs.need(self.ctx, "debconf-show")
        done = self.ctx.probe([program, self.args["name"]], ok=(0,))
        self.answers = {}
        for line in done.stdout.splitlines():
            name, colon, value = line.lstrip(" *").partition(":")
            if colon:
                self.answers[name.strip()] = value.strip()
        if not self.question:
            return {}
        now = self.answers.get(self.question)
        if self.hidden and now is not None:
            now = self._password()
        return {self.question: now}

    def _password(self) -> str:
        """What only root's copy of the database has. Empty when it may not be read."""
        entry = ""
        try:
            with open("/var/cache/debconf/passwords.dat", encoding="utf-8") as stream:
                text = stream.read()
        except OSError:
            return entry
        for block in text.split("\n\n"):
            lines = block.splitlines()
            if "Name: " + self.question in lines:
                entry = "".join(line[7:] for line in lines if line.startswith("Value: "))
        return entry

    def desired(self, observed: Observed) -> Dict[str, Any]:
        if not self.question:
            return {}
        value: str = self.args["value"]
        now = observed[self.question]
        if self.args.get("vtype") == "multiselect" and now is not None:
            order = sorted(part.strip() for part in now.split(","))
            if order == sorted(part.strip() for part in value.split(",")):
                return {}
        if self.args.get("vtype") == "seen":  # a mark, not an answer
            return {} if self.applied else {self.question: value}
        return {self.question: value}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        program = programs.need(self.ctx, "debconf-set-selections")
        args = self.args
        argv = [program] + (["--unseen"] if args.get("unseen") else [])
        line = " ".join((args["name"], self.question, args["vtype"], args["value"]))
        # on standard input: a password in a program's arguments could be read by everyone
        done = self.ctx.run(argv, stdin=(line + "\n").encode("utf-8", "surrogateescape"), ok=None)
        if done.rc != 0:
            words = (done.stderr.strip() or "exit status %d" % done.rc).splitlines()[-1]
            raise Fail("debconf-set-selections: " + words, rc=done.rc)
        self.applied = True


def main(ctx: Context, args: Args) -> Result:
    state = Answer(ctx, args)
    before: Dict[str, Any] = {}
    result = programs.settle(ctx, state)
    if result["status"] in ("ok", "changed"):
        current = dict(state.answers)
        for entry in result.get("diff", ()):
            before[entry["key"]] = entry["before"]
            current[entry["key"]] = entry["after"]
        result["data"] = {"current": current, "previous": before or dict(state.answers)}
    return result
