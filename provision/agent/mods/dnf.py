"""Packages of Red Hat's family, by rpm (observing) and dnf (changing)."""

from __future__ import annotations

import os
import time

from provision.agent import core, rpm

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent import proc
    from provision.agent.core import Args, Context, Result

    Change = Tuple[Optional[str], Optional[str]]

_SECTIONS = {
    "Installing": "new",
    "Upgrading": "new",
    "Downgrading": "new",
    "Reinstalling": "new",
    "Removing": "gone",
}


#: dnf 4's words that dnf 5 has changed
_FIVE = {"--nogpgcheck": "--no-gpgchecks", "--nobest": "--no-best"}


def prepare(ctx: Context, args_list: Sequence[Args]) -> List[rpm.Package]:
    """Every package the coming steps name, in one question."""
    names: List[str] = []
    for args in args_list:
        names += [name for name in args.get("name") or () if name != "*"]
    return rpm.query(ctx, names) if names else []


def program() -> str:
    for name in ("dnf", "dnf5", "microdnf", "yum"):
        for folder in os.environ.get("PATH", "").split(":") + ["/usr/bin"]:
            if os.access(os.path.join(folder, name), os.X_OK):
                return name
    raise core.Fail("this host has neither dnf nor yum")


def options(args: Args) -> List[str]:
    words: List[str] = []
    for key, option in (
        ("enablerepo", "--enablerepo="),
        ("disablerepo", "--disablerepo="),
        ("exclude", "--exclude="),
        ("enable_plugin", "--enableplugin="),
        ("disable_plugin", "--disableplugin="),
    ):
        words += [option + value for value in args.get(key) or ()]
    for key, option in (
        ("disable_excludes", "--disableexcludes="),
        ("conf_file", "--config="),
        ("releasever", "--releasever="),
        ("download_dir", "--downloaddir="),
    ):
        if args.get(key):
            words.append(option + str(args[key]))
    if args.get("installroot", "/") != "/":
        words.append("--installroot=" + args["installroot"])
    for key, flag in (
        ("disable_gpg_check", "--nogpgcheck"),
        ("cacheonly", "--cacheonly"),
        ("allowerasing", "--allowerasing"),
        ("nobest", "--nobest"),
        ("best", "--best"),
        ("skip_broken", "--skip-broken"),
        ("update_cache", "--refresh"),
        ("security", "--security"),
        ("bugfix", "--bugfix"),
        ("download_only", "--downloadonly"),
    ):
        if args.get(key):
            words.append(flag)
    if _is_five():
        words = [_FIVE.get(word, word) for word in words]
    if args.get("install_weak_deps") is False:
        words.append("--setopt=install_weak_deps=False")
    if args.get("sslverify") is False or args.get("validate_certs") is False:
        words.append("--setopt=sslverify=False")
    return words


def main(ctx: Context, args: Args) -> Result:
    """args: as the action's; name is a list, state one of present, latest, absent."""
    if args.get("list"):
        return _list(ctx, args)
    names: List[str] = list(args.get("name") or ())
    words = _words(ctx, args, names)
    if words is None:
        return core.ok("Nothing to do", results=[], rc=0)
    _wait_for_lock(args.get("lock_timeout", 30))
    if ctx.check:
        return _predict(ctx, args, words)
    before = rpm.everything(ctx)
    done = _run(ctx, args, ["-y"], words)
    changes = _changes(before, rpm.everything(ctx))
    _verify(ctx, args, names)
    return _answer(changes, done)


def _words(ctx: Context, args: Args, names: List[str]) -> Optional[List[str]]:
    """What dnf has to do; None for nothing."""
    state = args.get("state", "present")
    if not names:
        if args.get("autoremove"):
            return ["autoremove"]
        if args.get("update_cache"):
            return ["makecache"]
        return None
    if names == ["*"] and state == "latest":
        return ["upgrade"]
    here: List[rpm.Package] = ctx.prepared
    if state == "absent":
        present = [n for n in names if rpm.is_special(n) or rpm.matching(here, n)]
        verb = "autoremove" if args.get("autoremove") else "remove"
        return [verb, "--", *present] if present else None
    missing = [n for n in names if not _satisfied(ctx, n, here)]
    if state == "latest":
        if args.get("update_only"):
            return ["upgrade", "--", *[n for n in names if n not in missing]]
        # `install` of what is there brings it up to date as well
        return ["install", "--", *names]
    if not missing:
        return None
    # dnf 4 takes a lower version that is named without being told that it may.
    lower = ["--allow-downgrade"] if args.get("allow_downgrade") and _is_five() else []
    return ["install", *lower, "--", *missing]


def _is_five() -> bool:
    return os.path.basename(os.path.realpath("/usr/bin/dnf")) == "dnf5"


def _satisfied(ctx: Context, name: str, here: Sequence[rpm.Package]) -> bool:
    if rpm.is_special(name):
        return False
    if rpm.matching(here, name):
        return True
    return ("(" in name or name.startswith("/")) and rpm.provided(ctx, name)


def _wait_for_lock(limit_s: int) -> None:
    """dnf would wait for another one without end."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            with open("/run/dnf.pid", encoding="ascii") as stream:
                pid = stream.read().strip()
        except OSError:
            return
        if not pid.isdigit() or not os.path.exists("/proc/" + pid):
            return
        if time.monotonic() > deadline:
            raise core.Fail("dnf lock is held by process %s for more than %d s" % (pid, limit_s))
        time.sleep(0.5)


def _run(
    ctx: Context, args: Args, flags: Sequence[str], words: Sequence[str], ok: Any = (0,)
) -> proc.Completed:
    argv = [program(), *flags, *options(args), *words]
    done = ctx.run(argv, env={"LC_ALL": "C"}, ok=None)
    if done.rc not in ok:
        raise core.Fail(_why(done), rc=done.rc, stdout=done.stdout, stderr=done.stderr, cmd=argv)
    return done


def _why(done: proc.Completed) -> str:
    text = done.stdout + done.stderr
    missing = []
    for line in text.splitlines():
        for start in ("No match for argument: ", "No package "):
            if line.startswith(start):
                missing.append(line[len(start) :].split(" ")[0])
    if missing:
        return "No package %s available." % ", ".join(dict.fromkeys(missing))
    errors = [line for line in text.splitlines() if line.startswith(("Error:", "Failed", "error:"))]
    return "dnf failed: " + ("; ".join(errors) or done.stderr.strip() or "exit %d" % done.rc)


def _predict(ctx: Context, args: Args, words: Sequence[str]) -> Result:
    if words[0] == "makecache":
        return core.ok("would ask the repositories anew", results=[], rc=0)
    done = _run(ctx, args, ["--assumeno"], words, ok=(0, 1))
    changes = planned(done.stdout)
    aborted = "Operation aborted" in done.stdout + done.stderr
    if done.rc == 1 and not changes and not aborted:
        raise core.Fail(_why(done), rc=1, stdout=done.stdout, stderr=done.stderr)
    here = rpm.everything(ctx)
    changes = {name: (here.get(name), new) for name, (_, new) in sorted(changes.items())}
    return _answer(changes, done)


def planned(text: str) -> Dict[str, Change]:
    """The transaction that dnf shows: name.arch → (None or version now, version then)."""
    found: Dict[str, Change] = {}
    kind, held = "", ""
    for line in text.splitlines():
        if line and not line.startswith(" "):
            kind = next((v for k, v in _SECTIONS.items() if line.startswith(k)), "")
            if line.startswith("Transaction Summary"):
                break
            held = ""
            continue
        words = (held + " " + line).split()
        if not kind or not words or words[0] == "replacing":
            continue
        if len(words) < 3:  # a long name has its own line
            held = line
            continue
        held = ""
        name, version = words[0] + "." + words[1], words[2]
        found[name] = (None, version) if kind == "new" else (version, None)
    return found


def _changes(before: Dict[str, str], after: Dict[str, str]) -> Dict[str, Change]:
    return {
        name: (before.get(name), after.get(name))
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    }


def _verify(ctx: Context, args: Args, names: Sequence[str]) -> None:
    plain = [n for n in names if not rpm.is_special(n) and n != "*" and "(" not in n]
    plain = [n for n in plain if not n.startswith("/")]
    if not plain or args.get("download_only") or args.get("installroot", "/") != "/":
        return
    here = rpm.query(ctx, plain)
    gone = args.get("state") == "absent"
    wrong = [n for n in plain if bool(rpm.matching(here, n)) == gone]
    if args.get("state") == "latest" and args.get("update_only"):
        return
    # A name may be a capability that another package provides.
    wrong = [n for n in wrong if gone or not rpm.provided(ctx, n)]
    if wrong and not args.get("skip_broken"):
        what = "still installed" if gone else "not installed"
        raise core.Fail("dnf reports success, but %s: %s" % (what, ", ".join(wrong)))


def _answer(changes: Dict[str, Change], done: proc.Completed) -> Result:
    results = []
    for name, (old, new) in changes.items():
        if new is None:
            results.append("Removed: %s %s" % (name, old))
        else:
            results.append("Installed: %s %s" % (name, new))
    values: Dict[str, Any] = {"results": results, "rc": 0, "stdout": done.stdout}
    diff = [{"key": n, "before": old, "after": new} for n, (old, new) in changes.items()]
    return core.changed(diff, **values) if diff else core.ok("Nothing to do", **values)


def _list(ctx: Context, args: Args) -> Result:
    what: str = args["list"]
    form = "%{name}\\t%{epoch}\\t%{version}\\t%{release}\\t%{arch}\\t%{repoid}\\n"
    if what == "installed":
        lines = ctx.probe(["rpm", "-qa", "--qf", rpm.FORMAT], ok=(0,)).stdout.splitlines()
        rows = [line.split("\t") + ["installed"] for line in lines]
    else:
        more = {"available": ["--available"], "updates": ["--upgrades"], "upgrades": ["--upgrades"]}
        words = ["repoquery", *more.get(what, []), "--qf", form]
        words += [] if what in more else ["--", what]
        rows = [
            line.split("\t") for line in _run(ctx, args, ["-q"], words).stdout.splitlines() if line
        ]
    results = []
    for name, epoch, version, release, arch, repo in (row for row in rows if len(row) == 6):
        envra = "%s:%s-%s-%s.%s" % (epoch, name, version, release, arch)
        state = "installed" if repo == "installed" else "available"
        results.append(
            {
                "name": name,
                "epoch": epoch,
                "version": version,
                "release": release,
                "arch": arch,
                "repo": repo,
                "envra": envra,
                "nevra": "%s-%s:%s-%s.%s" % (name, epoch, version, release, arch),
                "yumstate": state,
            }
        )
    return core.ok(results=results)
