"""Python packages, by pip. What is installed is read without starting pip."""

from __future__ import annotations

import os

from provision.agent import core, pyversions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Sequence

    from provision.agent.core import Args, Context, Result

_LIST = (
    "import importlib.metadata as m\n"
    "for d in m.distributions():\n"
    " n=d.metadata['Name']\n"
    " if n: print(n, d.version)\n"
)


class Target:
    """Where packages are: a virtual environment, or what a pip belongs to."""

    def __init__(self, ctx: Context, args: Args) -> None:
        self.ctx = ctx
        self.args = args
        chdir = args.get("chdir")
        self.chdir = os.path.expanduser(chdir) if chdir else None
        self.venv: str = ""
        if args.get("virtualenv"):
            venv = os.path.expanduser(args["virtualenv"])
            self.venv = os.path.join(self.chdir or os.getcwd(), venv)
        self.made = False

    def missing(self) -> bool:
        return bool(self.venv) and not os.path.exists(os.path.join(self.venv, "bin", "activate"))

    def make(self) -> None:
        argv: List[str] = list(self.args["virtualenv_command"])
        if self.args.get("virtualenv_site_packages"):
            argv.append("--system-site-packages")
        module = "venv" in argv or os.path.basename(argv[0]) == "pyvenv"
        if self.args.get("virtualenv_python"):
            if module:
                raise core.Fail(
                    "virtualenv_python should not be used when using the venv module or pyvenv "
                    "as virtualenv_command"
                )
            argv += ["-p", self.args["virtualenv_python"]]
        self.ctx.run([*argv, self.venv], cwd=self.chdir)
        self.made = True

    def pip(self) -> List[str]:
        if self.venv:
            return [os.path.join(self.venv, "bin", "python"), "-m", "pip"]
        asked = self.args.get("executable")
        for name in [asked] if asked else ["pip3", "pip"]:
            path = name if os.path.isabs(name) else _which(name, self.ctx.environ())
            if path and os.access(path, os.X_OK):
                return [path]
        if asked:
            raise core.Fail("there is no %s on the host" % asked)
        python = _which("python3", self.ctx.environ())
        if python and self.ctx.probe([python, "-m", "pip", "--version"]).rc == 0:
            return [python, "-m", "pip"]
        raise core.Fail("Unable to find any of pip3, pip to use. pip needs to be installed.")

    def installed(self) -> Dict[str, str]:
        """Normalised name → version."""
        python = os.path.join(self.venv, "bin", "python") if self.venv else self._python()
        done = self.ctx.probe([python, "-c", _LIST]) if python else None
        if done is None or done.rc != 0:
            done = self.ctx.probe([*self.pip(), "list", "--format=freeze"], ok=(0,))
        found: Dict[str, str] = {}
        for line in done.stdout.splitlines():
            name, _, version = line.replace("==", " ").partition(" ")
            if version:
                found.setdefault(pyversions.normalised(name), version.strip())
        return found

    def _python(self) -> str:
        """The interpreter that pip's first line names."""
        program = self.pip()
        if len(program) > 1:
            return program[0]
        try:
            with open(program[0], "rb") as stream:
                words = stream.readline().decode("utf-8", "replace").strip()[2:].split()
        except OSError:
            return ""
        named = len(words) == 1 and "python" in os.path.basename(words[0])
        return words[0] if named else ""


def _which(name: str, env: Dict[str, str]) -> str:
    for folder in env.get("PATH", "/usr/bin:/bin").split(":"):
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return ""


def _from_file(path: str) -> Optional[List[str]]:
    """The requirements of a file; None for one that only pip can read."""
    from provision.agent import fs

    if not os.path.isfile(path):
        raise core.Fail("there is no file of requirements %s on the host" % path)
    found = []
    for line in fs.read_bytes(path).decode("utf-8", "replace").splitlines():
        line = line.partition(" #")[0].strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("-") or line.endswith("\\") or pyversions.requirement(line) is None:
            return None
        found.append(line)
    return found


def _unmet(names: Sequence[str], here: Dict[str, str]) -> List[str]:
    """Those that are not there, or that only pip can tell."""
    found = []
    for name in names:
        known = pyversions.requirement(name)
        version = here.get(known[0]) if known else None
        if known is None or version is None or not pyversions.fits(version, known[1]):
            found.append(name)
    return found


def main(ctx: Context, args: Args) -> Result:
    """args: as the action's; name, virtualenv_command and extra_args are lists of words."""
    target = Target(ctx, args)
    diff: List[Dict[str, Any]] = []
    if target.missing():
        diff.append({"key": target.venv, "before": None, "after": "virtual environment"})
        if not ctx.check:
            target.make()
    before = {} if target.missing() else target.installed()
    words = _words(ctx, args, target, before)
    values: Dict[str, Any] = {
        "name": list(args.get("name") or ()) or None,
        "state": args["state"],
        "version": args.get("version"),
        "requirements": args.get("requirements"),
        "virtualenv": args.get("virtualenv"),
    }
    if words is None:
        return core.changed(diff, **values) if diff else core.ok(**values)
    if ctx.check:
        return _predict(ctx, args, target, before, words, diff, values)
    done = _run(ctx, args, target, words)
    values.update(cmd=done.argv, stdout=done.stdout, stderr=done.stderr)
    diff += _differences(before, target.installed())
    if args["state"] == "forcereinstall" and not diff:
        diff = [{"key": n, "before": "installed", "after": "installed anew"} for n in args["name"]]
    return core.changed(diff, **values) if diff else core.ok(**values)


def _words(ctx: Context, args: Args, target: Target, here: Dict[str, str]) -> Optional[List[str]]:
    """What pip has to do; None for nothing."""
    names: List[str] = list(args.get("name") or ())
    state = args["state"]
    if args.get("requirements"):
        path = _requirements(args, target)
        listed = _from_file(path)
        if listed is not None and not _needed(listed, here, state):
            return None
        if state == "absent":
            return ["uninstall", "-y", "-r", path]
        return [*_install(state), *args["extra_args"], "-r", path]
    if not names:
        return None
    if state == "absent":
        present = [n for n in names if _present(n, here)]
        return ["uninstall", "-y", *present] if present else None
    if state == "present":
        names = names if args.get("editable") else _unmet(names, here)
        if not names:
            return None
    flagged = [word for n in names for word in (["-e", n] if args.get("editable") else [n])]
    return [*_install(state), *args["extra_args"], *flagged]


def _requirements(args: Args, target: Target) -> str:
    return os.path.join(target.chdir or "", os.path.expanduser(args["requirements"]))


def _needed(names: Sequence[str], here: Dict[str, str], state: str) -> bool:
    if state == "absent":
        return any(_present(name, here) for name in names)
    return state != "present" or bool(_unmet(names, here))


def _present(name: str, here: Dict[str, str]) -> bool:
    known = pyversions.requirement(name)
    return known is not None and known[0] in here


def _install(state: str) -> List[str]:
    more = {"latest": ["-U"], "forcereinstall": ["-U", "--force-reinstall"]}
    return ["install", *more.get(state, [])]


def _env(args: Args) -> Dict[str, str]:
    env = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "LC_ALL": "C.UTF-8"}
    if args.get("break_system_packages"):
        env["PIP_BREAK_SYSTEM_PACKAGES"] = "1"
    return env


def _run(ctx: Context, args: Args, target: Target, words: Sequence[str]) -> Any:
    umask = int(args["umask"], 8) if args.get("umask") else None
    argv = [*target.pip(), *words]
    done = ctx.run(argv, cwd=target.chdir, env=_env(args), ok=None, umask=umask)
    if done.rc != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        why = "; ".join(line[7:] for line in lines) or done.stderr.strip() or "exit %d" % done.rc
        data = {"rc": done.rc, "stdout": done.stdout, "stderr": done.stderr, "cmd": argv}
        if "externally-managed-environment" in done.stderr:
            why = "the distribution forbids it (PEP 668); `break_system_packages: true` does it"
        raise core.Fail("pip failed: " + why, **data)
    return done


def _differences(before: Dict[str, str], after: Dict[str, str]) -> List[Dict[str, Any]]:
    return [
        {"key": name, "before": before.get(name), "after": after.get(name)}
        for name in sorted(set(before) | set(after))
        if before.get(name) != after.get(name)
    ]


def _predict(
    ctx: Context,
    args: Args,
    target: Target,
    here: Dict[str, str],
    words: Sequence[str],
    diff: List[Dict[str, Any]],
    values: Dict[str, Any],
) -> Result:
    """What pip would do: from its own dry run, else from the names."""
    if words[0] == "install" and not target.missing():
        dry = [words[0], "--dry-run", *words[1:]]
        done = ctx.run([*target.pip(), *dry], cwd=target.chdir, env=_env(args), ok=None)
        if done.rc == 0:
            return _dry(done.stdout, here, diff, values)
        if "no such option" not in done.stderr:
            _run(ctx, args, target, dry)  # says why it fails
        if args["state"] == "latest":
            return core.unknown("this pip cannot tell without doing it", **values)
    named = args.get("name") or _from_file(_requirements(args, target)) or [args["requirements"]]
    for name in named:
        known = pyversions.requirement(name)
        label = known[0] if known else name
        if args["state"] != "absent":
            diff.append({"key": label, "before": here.get(label), "after": name})
        elif label in here:
            diff.append({"key": label, "before": here[label], "after": None})
    return core.changed(diff, **values)


def _dry(
    text: str, here: Dict[str, str], diff: List[Dict[str, Any]], values: Dict[str, Any]
) -> Result:
    for line in text.splitlines():
        if not line.startswith("Would install "):
            continue
        for word in line.split()[2:]:
            name, _, version = word.rpartition("-")
            name = pyversions.normalised(name)
            if here.get(name) != version:
                diff.append({"key": name, "before": here.get(name), "after": version})
    return core.changed(diff, **values) if diff else core.ok(**values)
