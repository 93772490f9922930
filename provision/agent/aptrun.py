"""Runs apt-get without anybody to ask, and reads what it says."""

from __future__ import annotations

import os
import time

from provision.agent import core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple

    from provision.agent import proc
    from provision.agent.core import Args, Context

STAMP = "/var/lib/apt/periodic/update-success-stamp"
LISTS = "/var/lib/apt/lists"
_BUSY = ("Could not get lock", "Unable to acquire the dpkg frontend lock", "is another process")
_ENV = {
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "DEBIAN_PRIORITY": "critical",
    "APT_LISTCHANGES_FRONTEND": "none",
}


def options(args: Args) -> List[str]:
    """What every apt-get gets."""
    words = ["-q", "-y"]
    for word in (args.get("dpkg_options") or "force-confdef,force-confold").split(","):
        if word.strip():
            words += ["-o", "Dpkg::Options::=--" + word.strip()]
    words += ["-o", "DPkg::Lock::Timeout=%d" % args.get("lock_timeout", 60)]
    if args.get("default_release"):
        words += ["-t", args["default_release"]]
    if args.get("install_recommends") is not None:
        said = "true" if args["install_recommends"] else "false"
        words += ["-o", "APT::Install-Recommends=" + said]
    flags = {
        "allow_unauthenticated": "--allow-unauthenticated",
        "allow_downgrade": "--allow-downgrades",
        "allow_change_held_packages": "--allow-change-held-packages",
        "only_upgrade": "--only-upgrade",
        "autoremove": "--auto-remove",
        "purge": "--purge",
        "fail_on_autoremove": "--no-remove",
    }
    words += [flag for key, flag in flags.items() if args.get(key)]
    if args.get("force"):
        words += [
            "--allow-downgrades",
            "--allow-remove-essential",
            "--allow-change-held-packages",
            "--allow-unauthenticated",
        ]
    return words


def run(ctx: Context, args: Args, words: Sequence[str], simulate: bool = False) -> proc.Completed:
    """apt-get with these words; waits while another one holds the lock. Raises Fail."""
    argv = ["apt-get"] + options(args) + (["-s"] if simulate else []) + list(words)
    deadline = time.monotonic() + args.get("lock_timeout", 60)
    with _PolicyRcD(args.get("policy_rc_d"), simulate):
        while True:
            done = ctx.run(argv, env=_ENV, ok=None)
            busy = done.rc != 0 and any(word in done.stderr for word in _BUSY)
            if not busy or time.monotonic() > deadline:
                break
            time.sleep(1.0)
    if done.rc != 0:
        data = {"rc": done.rc, "stdout": done.stdout, "stderr": done.stderr, "cmd": argv}
        raise core.Fail(_why(done), **data)
    return done


def _why(done: proc.Completed) -> str:
    errors = [line[3:] for line in done.stderr.splitlines() if line.startswith("E: ")]
    for line in errors:
        if line.startswith("Unable to locate package "):
            return "No package matching '%s' is available" % line.split()[-1]
    text = "; ".join(errors) or done.stderr.strip() or done.stdout.strip()[-400:]
    hint = ""
    if "dpkg --configure -a" in text:
        hint = " (an earlier installation was interrupted: run `dpkg --configure -a` on the host)"
    return "apt-get failed: %s%s" % (text or "exit status %d" % done.rc, hint)


class _PolicyRcD:
    """What services do when their packages are installed: a script that dpkg asks."""

    path = "/usr/sbin/policy-rc.d"

    def __init__(self, code: Optional[int], simulate: bool) -> None:
        self.code = None if simulate else code
        self.kept = self.path + ".provision-kept"

    def __enter__(self) -> None:
        if self.code is None:
            return
        if os.path.exists(self.path):
            os.rename(self.path, self.kept)
        with open(self.path, "w", encoding="ascii") as stream:
            stream.write("#!/bin/sh\nexit %d\n" % self.code)
        os.chmod(self.path, 0o755)

    def __exit__(self, *_: object) -> None:
        if self.code is None:
            return
        os.unlink(self.path)
        if os.path.exists(self.kept):
            os.rename(self.kept, self.path)


def planned(text: str) -> Dict[str, Tuple[Optional[str], Optional[str]]]:
    """What a simulation says it would do: package → (version now, version then)."""
    found: Dict[str, Tuple[Optional[str], Optional[str]]] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 3 or words[0] not in ("Inst", "Remv", "Purg"):
            continue
        name = words[1]
        old = words[2].strip("[]") if words[2].startswith("[") else None
        if words[0] == "Inst":
            new = next((w[1:] for w in words[2:] if w.startswith("(")), None)
            found[name] = (old, new)
        else:
            found[name] = (old, None)
    return found


def lists_time() -> float:
    """When the package lists were last brought up to date, in seconds since the epoch; 0 when
    there are none, as on a host that was just made."""
    if not lists_state():
        return 0.0
    for path in (STAMP, LISTS):
        try:
            return os.stat(path).st_mtime
        except OSError:
            continue
    return 0.0


def lists_state() -> Dict[str, Tuple[int, int]]:
    """What tells whether the package lists are other ones than before."""
    found = {}
    try:
        with os.scandir(LISTS) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and entry.name != "lock":
                    info = entry.stat()
                    found[entry.name] = (info.st_mtime_ns, info.st_size)
    except OSError:
        pass
    return found


def lists_are_old(args: Args) -> bool:
    """Whether the lists are to be brought up to date before this step."""
    if not args.get("update_cache") and not args.get("cache_valid_time"):
        return False
    return bool(lists_time() + args.get("cache_valid_time", 0) < time.time())


def update_lists(ctx: Context, args: Args) -> bool:
    """apt-get update, several times if need be; whether the lists changed. Raises Fail."""
    before = lists_state()
    tries = max(1, args.get("update_cache_retries", 5))
    longest = args.get("update_cache_retry_max_delay", 12)
    quiet = {"lock_timeout": args.get("lock_timeout", 60)}
    for attempt in range(tries):
        try:
            done = run(ctx, quiet, ["update"])
            _check_update(done)
            break
        except core.Fail as exc:
            if attempt + 1 == tries or exc.data.get("rc") == 127:
                raise core.Fail("Failed to update apt cache: " + exc.msg, **exc.data) from None
            time.sleep(min(2**attempt, longest))
    return bool(lists_state() != before)


def _check_update(done: proc.Completed) -> None:
    """apt-get update ends with 0 also when it could fetch nothing; then it only warns."""
    failed = [line for line in done.stderr.splitlines() if line.startswith("W: Failed to fetch")]
    reached = [line for line in done.stdout.splitlines() if line.startswith(("Get:", "Hit:"))]
    if failed and not reached:
        raise core.Fail(failed[0][3:], rc=100, stderr=done.stderr)
