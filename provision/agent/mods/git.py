"""A git checkout at a version.

args: as the action's.
"""

from __future__ import annotations

import os

from provision.agent import core, fs, install, programs, web
from provision.agent.core import Fail
from provision.agent.gitrepo import Repo, is_commit, may_be_short
from provision.agent.perms import Missing, foreseen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Observed, Result


class Checkout(core.State):
    """commit, url, modified, submodules; commit None where there is nothing."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        self.dest = fs.expand(args["dest"]).rstrip("/")
        self.version: str = args["version"]
        self.repo = Repo(ctx, args, self.dest)
        self.before: Optional[str] = None
        self.ref = ""
        self.wanted_commit: Optional[str] = None
        self.looked = False

    def observe(self) -> Dict[str, Any]:
        repo = self.repo
        if not repo.exists():
            if os.path.isdir(self.dest) and os.listdir(self.dest):
                raise Fail("%s is there and holds no git repository" % self.dest)
            return {"commit": None}
        seen: Dict[str, Any] = {"commit": repo.head() or "none yet"}
        if not self.looked:
            self.before = repo.head()
        if self.args.get("update", True):
            seen["url"] = repo.remote_url()
            seen["modified"] = repo.modified()
            if self.args.get("recursive", True):
                seen["submodules"] = repo.stale_submodules()
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        args = self.args
        here = observed["commit"] is not None
        if here and not args.get("update", True):
            return {}
        if not self.looked:
            self.wanted_commit = self._commit(here)
            self.looked = True
        wanted: Dict[str, Any] = {"commit": self.wanted_commit}
        if not here:
            return wanted
        if observed["modified"] and not args.get("force"):
            words = "Local modifications exist in the destination: %s (force=no)." % self.dest
            raise Fail(words, before=self.before)
        wanted.update(url=args["repo"], modified=False)
        if args.get("recursive", True):
            wanted["submodules"] = []
        return wanted

    def _commit(self, here: bool) -> str:
        """The commit that is wanted; a short id is looked up in what has been fetched."""
        version = self.version
        if here and is_commit(version) and self.repo.commit_of(version):
            return version
        commit, self.ref = self.repo.resolve(version)
        if commit is None and here:
            commit = self.repo.commit_of(version) if may_be_short(version) else None
        if commit is not None:
            return commit
        if may_be_short(version) or self.args.get("refspec"):
            if self.ctx.check:
                raise Missing("only fetching can tell which commit %s is" % version)
            return version
        raise Fail("%s has no branch, tag or commit %s" % (web.shown(self.args["repo"]), version))

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        if key == "url":
            before, after = web.shown(before or "") or None, web.shown(after)
        return {"key": key, "before": before, "after": after}

    # -- applying ---------------------------------------------------------------------

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if observed["commit"] is None:
            self._clone()
        else:
            self._update(changes)
        if self.args.get("verify_commit"):
            self._verify()
        if not is_commit(self.wanted_commit or ""):
            self.wanted_commit = self.repo.commit_of(self.version) or self.wanted_commit

    def _clone(self) -> None:
        args, repo = self.args, self.repo
        install.make_directories(os.path.dirname(self.dest) or "/")
        words = ["clone", "--origin", repo.remote]
        if args.get("bare"):
            words += ["--bare"]
        named = self.ref.startswith(("refs/heads/", "refs/tags/"))
        if named and not args.get("bare"):
            words += ["--branch", self.ref.split("/", 2)[2]]
        shallow = args.get("depth") and (named or self.version == "HEAD")
        if shallow:
            words += ["--depth", str(args["depth"])]
        if args.get("single_branch"):
            words += ["--single-branch"]
        elif shallow:
            words += ["--no-single-branch"]
        if args.get("reference"):
            words += ["--reference", args["reference"]]
        if args.get("separate_git_dir"):
            words += ["--separate-git-dir", args["separate_git_dir"]]
        repo.run(*words, "--", args["repo"], self.dest, inside=False)
        if args.get("bare") and repo.remote_url() != args["repo"]:
            repo.run("remote", "add", repo.remote, args["repo"])
        if args.get("refspec"):
            repo.run("fetch", repo.remote, args["refspec"])
        if not args.get("bare"):
            if not named and self.version != "HEAD":
                self._checkout()
            self._submodules()

    def _update(self, changes: Sequence[str]) -> None:
        args, repo = self.args, self.repo
        if "url" in changes:
            verb = "set-url" if repo.remote_url() is not None else "add"
            repo.run("remote", verb, repo.remote, args["repo"])
        if "modified" in changes:
            repo.run("reset", "--hard", "HEAD")
        if "commit" in changes and not (
            is_commit(self.version) and repo.commit_of(self.version) is not None
        ):
            self._fetch()
        if args.get("bare"):
            return
        if "commit" in changes:
            self._checkout()
        self._submodules()

    def _fetch(self) -> None:
        args, repo = self.args, self.repo
        words: List[str] = ["fetch", "--force"]
        if args.get("depth") and self.ref:
            words += ["--depth", str(args["depth"])]
        if args.get("bare"):
            repo.run(*words, repo.remote, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
            return
        remote = "+refs/heads/%%s:refs/remotes/%s/%%s" % repo.remote
        if self.ref.startswith("refs/heads/"):
            name = self.ref[len("refs/heads/") :]
            specs = [remote % (name, name)]
        elif self.ref and self.ref != "HEAD":
            specs = ["+%s:%s" % (self.ref, self.ref)]
        else:
            specs = [remote % ("*", "*"), "+refs/tags/*:refs/tags/*"]
        if args.get("refspec"):
            specs.append(args["refspec"])
        repo.run(*words, repo.remote, *specs)

    def _checkout(self) -> None:
        repo, ref = self.repo, self.ref
        branch = ""
        if ref == "HEAD":
            branch = repo.default_branch()
        elif ref.startswith("refs/heads/"):
            branch = ref[len("refs/heads/") :]
        if branch:
            start = "%s/%s" % (repo.remote, branch)
            repo.run("checkout", "--force", "-B", branch, "--track", start, "--")
            repo.run("reset", "--hard", start)
            return
        if ref.startswith("refs/tags/"):
            repo.run("checkout", "--force", "--detach", ref, "--")
            return
        if repo.commit_of(self.version) is None:
            self._fetch_commit()
        repo.run("checkout", "--force", "--detach", self.version, "--")

    def _fetch_commit(self) -> None:
        """A commit that no branch or tag led to: the server may still give it."""
        repo = self.repo
        if repo.run("fetch", repo.remote, self.version, ok=None).rc == 0:
            return
        if os.path.exists(os.path.join(self.dest, ".git", "shallow")):
            repo.run("fetch", "--unshallow", repo.remote)
        if repo.commit_of(self.version) is None:
            words = "%s has no commit %s" % (web.shown(self.args["repo"]), self.version)
            raise Fail(words, before=self.before)

    def _submodules(self) -> None:
        recursive = self.args.get("recursive", True)
        if not recursive or not os.path.exists(os.path.join(self.dest, ".gitmodules")):
            return
        self.repo.run("submodule", "sync", "--recursive")
        words = ["submodule", "update", "--init", "--recursive", "--force"]
        if self.args.get("track_submodules"):
            words.append("--remote")
        self.repo.run(*words)

    def _verify(self) -> None:
        tag = (
            self.ref.startswith("refs/tags/") and self.repo.ask("cat-file", "-t", self.ref) == "tag"
        )
        verb = "verify-tag" if tag else "verify-commit"
        self.repo.run(verb, self.version if tag else "HEAD")

    def data(self, observed: Observed) -> Dict[str, Any]:
        after = observed.get("commit")
        values = {"before": self.before, "after": after, "remote_url_changed": False}
        if self.before is not None and "url" in observed:
            values["remote_url_changed"] = self.url_before != self.args["repo"]
        return values

    url_before: Optional[str] = None


def main(ctx: Context, args: Args) -> Result:
    try:
        state = Checkout(ctx, args)
    except Missing as exc:
        if not ctx.check:
            raise
        return foreseen(exc)
    if not state.repo.exists() and not args.get("clone", True):
        commit, _ = state.repo.resolve(state.version)
        return core.changed([], before=None, after=commit)
    if state.repo.exists():
        state.url_before = state.repo.remote_url()
    return programs.settle(ctx, state)
