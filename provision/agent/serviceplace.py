"""What a model service needs on its host: an environment, an account, a unit systemd takes."""

from __future__ import annotations

import os

from provision.agent import accounts, fs
from provision.agent.core import Fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Optional, Tuple

    from provision.agent.core import Args, Context, Observed

_SHELLS = ("/usr/sbin/nologin", "/sbin/nologin", "/usr/bin/false", "/bin/false")


def prefix_of(ctx: Context, args: Args) -> Tuple[str, bool]:
    """The real prefix of the service's environment, and whether it is there.

    In a check, an earlier step may be about to build it. Raises Fail.
    """
    env = args.get("env")
    if not env:
        return "", True
    link = args["envs_dir"] + "/" + env
    prefix = os.path.realpath(link)
    there = os.path.isdir(os.path.join(prefix, "conda-meta"))
    if ctx.check:
        promised = _promised(ctx, args, os.path.basename(prefix) if there else "")
        if promised:
            return promised, False
    if there:
        return prefix, True
    if ctx.check:
        return link, False
    raise Fail(
        "there is no environment %s in %s" % (env, args["envs_dir"]),
        _hint="the action `conda_env` builds it",
    )


def _promised(ctx: Context, args: Args, current: str) -> str:
    """The generation that an earlier step of this batch would build instead of the current."""
    found = ""
    for step in ctx.agent.steps[: ctx.agent.position]:
        said = step["args"]
        mine = (said.get("name"), said.get("envs_dir")) == (args["env"], args["envs_dir"])
        if step["mod"] == "conda_env" and mine and said.get("generation"):
            generation = said["generation"]
            same = current == generation or current.startswith(generation + "-r")
            found = "" if same else "%s/.generations/%s" % (args["envs_dir"], generation)
    return found


def require_program(args: Args, prefix: str) -> None:
    """Raises Fail when the environment lacks what the service is to run."""
    program = args.get("program")
    if program and not os.access("%s/bin/%s" % (prefix, program), os.X_OK):
        raise Fail(
            "the environment %s has no program %s" % (args["env"], program),
            _hint="say a program outside of it with its whole path",
        )


def make_accounts(ctx: Context, args: Args, observed: Observed) -> None:
    group = args.get("group")
    user = args["user"]
    if group and observed["group"] is None and group != user:
        ctx.run(["groupadd", "--system", "--", group])
    if observed["user"] is not None:
        return
    argv = ["useradd", "--system", "--no-create-home", "--home-dir", args["home"]]
    argv += ["--shell", next((path for path in _SHELLS if os.path.exists(path)), "/bin/false")]
    argv += ["--comment", "Model service %s" % args["name"]]
    if group and group != user:
        argv += ["--gid", group]
    elif accounts.gid_of(user, numbers=False) is not None:
        argv += ["--gid", user]
    else:
        argv += ["--user-group"]
    ctx.run([*argv, "--", user])


def becomes(user: str, group: Optional[str]) -> Optional[Callable[[], None]]:
    """Lets a program run as the service's user. None when nobody can be left behind."""
    if os.geteuid() != 0:
        return None
    import pwd

    uid = fs.uid_of(user)
    gid = fs.gid_of(group) if group else pwd.getpwuid(uid).pw_gid

    def become() -> None:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)

    return become


def verified(ctx: Context, name: str, text: str) -> List[str]:
    """What systemd finds odd about a unit before it is put in place. Raises Fail when it
    rejects it."""
    folder = "/run/provision/verify-%s-%d" % (name, os.getpid())
    path = "%s/%s.service" % (folder, name)
    os.makedirs(folder, exist_ok=True)
    try:
        fs.write_file(path, text.encode("utf-8", "surrogateescape"), 0o600)
        done = ctx.run(["systemd-analyze", "verify", path], env={"LC_ALL": "C"}, ok=None)
    except Fail as exc:
        if exc.data.get("rc") == 127:
            return []  # a small system without it
        raise
    finally:
        fs.remove_tree(folder)
    said = [line for line in done.stderr.splitlines() if name + ".service" in line]
    told = [line.replace(folder + "/", "").strip() for line in said]
    if done.rc != 0:
        raise Fail(
            "systemd rejects the unit: " + ("; ".join(told) or done.stderr.strip()),
            stderr=done.stderr,
        )
    if any("LoadCredential" in line for line in told):
        raise Fail(
            "this systemd is too old for credentials: " + told[0],
            _hint="say `secret_delivery: environment`",
        )
    return told
