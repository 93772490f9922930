"""Talking to git: one repository on the host and the one it comes from."""

from __future__ import annotations

import os

from provision.agent import programs, web
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context
    from provision.agent.proc import Completed

_HEX = frozenset("0123456789abcdef")


def is_commit(version: str) -> bool:
    """A whole commit id."""
    return len(version) in (40, 64) and set(version.lower()) <= _HEX


def may_be_short(version: str) -> bool:
    return 7 <= len(version) < 40 and set(version.lower()) <= _HEX


class Repo:
    """A checkout or bare repository at `dest`."""

    def __init__(self, ctx: Context, args: Args, dest: str) -> None:
        self.ctx = ctx
        self.args = args
        self.dest = dest
        self.url: str = args["repo"]
        self.remote: str = args.get("remote") or "origin"
        self.bare: bool = bool(args.get("bare"))
        self.program = programs.need(ctx, args.get("executable") or "git")
        self.env = self._environment()
        self._listed: Optional[Dict[str, str]] = None

    def _environment(self) -> Dict[str, str]:
        args = self.args
        env = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        ssh = ["ssh", "-o", "BatchMode=yes"]
        if args.get("accept_hostkey"):
            ssh += ["-o", "StrictHostKeyChecking=no"]
        if args.get("accept_newhostkey"):
            ssh += ["-o", "StrictHostKeyChecking=accept-new"]
        if args.get("key_file"):
            ssh += ["-o", "IdentitiesOnly=yes", "-i", args["key_file"]]
        from shlex import quote

        options = " ".join(quote(word) for word in ssh)
        more = args.get("ssh_opts")
        env["GIT_SSH_COMMAND"] = options + " " + more if more else options
        return env

    def run(
        self, *words: str, ok: Optional[Sequence[int]] = (0,), inside: bool = True
    ) -> Completed:
        """Runs git, in the repository when `inside`. Raises Fail without the password."""
        umask = self.args.get("umask")
        try:
            return self.ctx.run(
                [self.program, *words],
                cwd=self.dest if inside else None,
                env=self.env,
                ok=ok,
                umask=int(umask, 8) if umask else None,
            )
        except Fail as exc:
            plain, secret = self.url, web.shown(self.url)
            data = {k: _without(v, plain, secret) for k, v in exc.data.items()}
            raise Fail(exc.msg.replace(plain, secret), **data) from None

    def ask(self, *words: str) -> str:
        """What git prints, empty when it fails."""
        done = self.run(*words, ok=None)
        return done.stdout.strip() if done.rc == 0 else ""

    # -- the host's side --------------------------------------------------------------

    def exists(self) -> bool:
        mark = "HEAD" if self.bare else ".git"
        return os.path.exists(os.path.join(self.dest, mark))

    def head(self) -> Optional[str]:
        """The commit that is checked out. Raises Fail when git refuses the repository."""
        done = self.run("rev-parse", "HEAD", ok=(0, 128))
        if done.rc and "dubious ownership" in done.stderr:
            raise Fail(done.stderr.strip())
        return done.stdout.strip() if done.rc == 0 else None

    def commit_of(self, version: str) -> Optional[str]:
        """A commit that is here already."""
        return self.ask("rev-parse", "--verify", "--quiet", version + "^{commit}") or None

    def remote_url(self) -> Optional[str]:
        return self.ask("config", "--get", "remote.%s.url" % self.remote) or None

    def modified(self) -> bool:
        """Whether tracked files differ from the commit."""
        if self.bare:
            return False
        lines = self.run("status", "--porcelain", "--untracked-files=no").stdout.splitlines()
        return any(line.strip() for line in lines)

    def stale_submodules(self) -> List[str]:
        """Submodules that are not at the commit which the checkout names."""
        if self.bare or not os.path.exists(os.path.join(self.dest, ".gitmodules")):
            return []
        lines = self.run("submodule", "status", "--recursive").stdout.splitlines()
        return [line.split()[1] for line in lines if line[:1] in "-+U" and len(line.split()) > 1]

    # -- the other side ---------------------------------------------------------------

    def listed(self) -> Dict[str, str]:
        """The server's references and their commits. Raises Fail."""
        if self._listed is None:
            done = self.run("ls-remote", "--", self.url, inside=False)
            pairs = (line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
            self._listed = {name: commit for commit, name in pairs}
        return self._listed

    def resolve(self, version: str) -> Tuple[Optional[str], str]:
        """The commit and the full name of the reference that `version` is on the server; the
        commit None when only fetching can tell."""
        refs = self.listed()
        if version == "HEAD":
            return refs.get("HEAD"), "HEAD"
        for name in ("refs/heads/" + version, "refs/tags/" + version, version):
            if name in refs:
                return refs.get(name + "^{}") or refs[name], name
        if is_commit(version):
            return version, ""
        return None, ""

    def default_branch(self) -> str:
        """The branch that the server's HEAD is."""
        done = self.run("ls-remote", "--symref", "--", self.url, "HEAD", inside=False)
        for line in done.stdout.splitlines():
            if line.startswith("ref: refs/heads/"):
                return line.split()[1][len("refs/heads/") :]
        refs = self.listed()
        for name, commit in refs.items():
            if name.startswith("refs/heads/") and commit == refs.get("HEAD"):
                return name[len("refs/heads/") :]
        return ""


def _without(value: Any, plain: str, secret: str) -> Any:
    if isinstance(value, str):
        return value.replace(plain, secret)
    if isinstance(value, list):
        return [_without(item, plain, secret) for item in value]
    return value
