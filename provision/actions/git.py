"""The action `git`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from provision.actions.args import arg, wire
from provision.actions.base import Action, ActionContext, Call
from provision.errors import PlaybookError

__all__ = ["ACTION", "Args", "Git"]


@dataclass(frozen=True, slots=True)
class Args:
    repo: str = arg(
        "Where it comes from: an https, ssh, git or file address, or a path on the host.",
        aliases=("name",),
        example="https://git.example.org/models.git",
    )
    dest: str = arg("Where the checkout goes.", example="/opt/models")
    version: str = arg(
        "Branch, tag or commit; `HEAD` is the branch the server names.", default="HEAD"
    )
    force: bool = arg("Throw changes away that were made in the checkout.", default=False)
    update: bool = arg("Bring a checkout that is there up to `version`.", default=True)
    clone: bool = arg("Make a checkout that is missing.", default=True)
    bare: bool = arg("A bare repository without files.", default=False)
    depth: int | None = arg("How many commits of the past to fetch.", default=None)
    single_branch: bool = arg("Fetch only the branch of `version`.", default=False)
    recursive: bool = arg("Bring submodules too.", default=True)
    track_submodules: bool = arg("Take the newest commit of submodules' branches.", default=False)
    refspec: str | None = arg(
        "What else to fetch, such as `+refs/pull/*:refs/heads/*`.", default=None
    )
    remote: str = arg("The name of the remote.", default="origin")
    reference: str | None = arg("A repository on the host to take objects from.", default=None)
    verify_commit: bool = arg("Demand a valid GPG signature.", default=False)
    accept_hostkey: bool = arg("Trust whatever host key the server shows.", default=False)
    accept_newhostkey: bool = arg("Trust the host key of a server not known yet.", default=False)
    key_file: str | None = arg("Private key for ssh, a file on the host.", default=None)
    ssh_opts: str | None = arg("Further options for ssh.", default=None)
    executable: str | None = arg("The git to use.", default=None)
    umask: str | None = arg("umask for what is written.", default=None)
    separate_git_dir: str | None = arg("Where the repository itself goes.", default=None)


class Git(Action):
    name = "git"
    summary = "Keep a git checkout at a version."
    Args = Args
    check_mode = "asks the server which commit `version` is; a host without git: unknown"
    notes = (
        "Returns `before` and `after`, the commits. Files that git does not track stay. A "
        "password in the address is not shown, and taken out of what git prints."
    )
    examples = (
        "- git:\n    repo: https://git.example.org/models.git\n    dest: /opt/models\n"
        "    version: v1.4.2\n    depth: 1\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Call:
        for name in ("repo", "version", "remote"):
            if not getattr(args, name) or getattr(args, name).startswith("-"):
                raise PlaybookError(f"git: {getattr(args, name)!r} cannot be a {name}")
        if args.accept_hostkey and args.accept_newhostkey:
            raise PlaybookError("git: accept_hostkey and accept_newhostkey are mutually exclusive")
        if args.separate_git_dir and args.bare:
            raise PlaybookError("git: separate_git_dir and bare are mutually exclusive")
        try:
            password = urlsplit(args.repo).password
        except ValueError:
            password = None
        if password:
            ctx.secret(password)
        return Call("git", wire(args))


ACTION = Git()
