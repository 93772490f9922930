"""What a host can tell of how something came to differ. Looks only, and never for long.

args: subjects, each with any of paths, units, prefixes, packages (of the system), conda (of the
prefixes), users. Answers with one list of findings for each: kind, about, text, and `at`, seconds
since the epoch, where a time is known.
"""

from __future__ import annotations

import os
import time

from provision.agent import core, evidencelogs, fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Sequence

    from provision.agent.core import Args, Context, Result

    Finding = Dict[str, Any]
    Findings = List[Finding]

_DPKG = "/var/lib/dpkg/info"
_BEFORE_S = 3600.0  # logins and commands this long before a change are worth a word
_AFTER_S = 60.0
_EACH = 3  # findings of one kind for one subject
_NAMES = 8  # conda packages looked at for one subject


def main(ctx: Context, args: Args) -> Result:
    subjects = args["subjects"]
    owners = _owners(ctx, [path for s in subjects for path in s.get("paths", ())])
    packages = evidencelogs.package_log()
    units = list(dict.fromkeys(unit for s in subjects for unit in s.get("units", ())))
    spoken = evidencelogs.units(ctx, units) if units else {}
    found = [_subject(ctx, s, owners, packages, spoken) for s in subjects]
    moments = [[f["at"] for f in told if f.get("at") and f["kind"] != "command"] for told in found]
    every = [at for listed in moments for at in listed]
    if every:
        since = min(every) - _BEFORE_S
        around = evidencelogs.logins(since) + evidencelogs.authorised(ctx, since)
        for told, listed in zip(found, moments):
            told += _around(around, listed)
    return core.ok(found=found)


def _finding(kind: str, about: str, text: str, at: float = 0.0) -> Finding:
    found: Finding = {"kind": kind, "about": about, "text": text}
    if at:
        found["at"] = round(at, 3)
    return found


def _around(events: Findings, moments: Sequence[float]) -> Findings:
    """Logins and commands shortly before something changed, the nearest ones."""
    near: Dict[str, List[Finding]] = {}
    for event in events:
        at = event["at"]
        if any(moment - _BEFORE_S <= at <= moment + _AFTER_S for moment in moments):
            near.setdefault(event["kind"], []).append(event)
    told: Findings = []
    for listed in near.values():
        listed.sort(key=lambda event: event["at"])
        texts: Any = set()
        for event in reversed(listed):
            if (event["about"], event["text"]) not in texts and len(texts) < _EACH:
                texts.add((event["about"], event["text"]))
                told.append(event)
    return told


def _subject(
    ctx: Context,
    subject: Dict[str, Any],
    owners: Dict[str, str],
    packages: evidencelogs.PackageLog,
    spoken: Dict[str, Findings],
) -> Findings:
    told: Findings = []
    names = list(subject.get("packages", ()))
    for path in subject.get("paths", ()):
        told.append(_file(path, owners.get(path, "")))
        if owners.get(path):
            names.append(owners[path])
    for name in dict.fromkeys(names):
        told += packages.of(name)
    for unit in subject.get("units", ()):
        told += spoken.get(unit, [])
    for prefix in subject.get("prefixes", ()):
        told += _prefix(prefix, subject.get("conda", ()))
    if subject.get("users"):
        told.append(_file("/etc/passwd", ""))
    return told


# -- files --------------------------------------------------------------------------------


def _file(path: str, owner: str) -> Finding:
    info = fs.lstat(path)
    if info is None:
        folder = os.path.dirname(path.rstrip("/")) or "/"
        while folder != "/" and not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        above = fs.lstat(folder)
        text = "is not there; something in %s was last made or removed then" % folder
        return _finding("file", path, text, above.st_mtime if above else 0.0)
    who = "%s:%s" % (fs.user_name(info.st_uid), fs.group_name(info.st_gid))
    words = ["%s, mode %s, owned by %s" % (fs.kind_of(info), fs.mode_text(info.st_mode), who)]
    words.append("package %s" % owner if owner else "no package's")
    if info.st_ctime - info.st_mtime > 1:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(info.st_mtime))
        words.append("content from %s" % stamp)
    return _finding("file", path, ", ".join(words) + "; last changed then", info.st_ctime)


def _owners(ctx: Context, paths: Sequence[str]) -> Dict[str, str]:
    """Which package of the system a path belongs to."""
    wanted = {path: b"\n" + os.fsencode(path) + b"\n" for path in paths}
    found: Dict[str, str] = {}
    try:
        lists = [name for name in os.listdir(_DPKG) if name.endswith(".list")]
    except OSError:
        return _rpm_owners(ctx, paths)
    for name in lists if wanted else ():
        try:
            data = b"\n" + fs.read_bytes(os.path.join(_DPKG, name))
        except OSError:
            continue
        for path, line in wanted.items():
            if line in data:
                found[path] = name[:-5].partition(":")[0]
    return found


def _rpm_owners(ctx: Context, paths: Sequence[str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    if not os.path.exists("/usr/bin/rpm"):
        return found
    for path in paths:
        done = ctx.probe(["/usr/bin/rpm", "-qf", "--qf", "%{NAME}\n", path], timeout_s=5)
        if done.rc == 0 and done.stdout.strip():
            found[path] = done.stdout.split()[0]
    return found


# -- conda --------------------------------------------------------------------------------


def _prefix(prefix: str, names: Sequence[str]) -> Findings:
    told = []
    link = fs.lstat(prefix)
    if link is not None and fs.kind_of(link) == "link":
        text = "leads to %s; moved then" % os.readlink(prefix)
        told.append(_finding("link", prefix, text, link.st_mtime))
    meta = os.path.join(prefix, "conda-meta")
    told += evidencelogs.conda_history(os.path.join(meta, "history"))
    for name in list(names)[:_NAMES]:
        tool, _, bare = name.partition(":")
        told.append(_conda(meta, bare) if tool == "conda" else _pip(prefix, bare))
    return told


def _conda(meta: str, name: str) -> Finding:
    for entry in _names(meta):
        if entry.startswith(name + "-") and entry[len(name) + 1 :].count("-") == 1:
            path = os.path.join(meta, entry)
            info = fs.lstat(path)
            if entry.endswith(".json") and info is not None:
                text = "its record %s was written then" % entry
                return _finding("package", name, text, info.st_mtime)
    info = fs.lstat(meta)
    text = "has no record; one was last made or removed then"
    return _finding("package", name, text, info.st_mtime if info else 0.0)


def _pip(prefix: str, name: str) -> Finding:
    from provision.agent import condaprefix

    latest = 0.0
    for folder in condaprefix.site_packages(prefix):
        info = fs.lstat(folder)
        latest = max(latest, info.st_mtime if info else 0.0)
        for entry in _names(folder):
            stem = entry.partition("-")[0].lower().replace("_", "-").replace(".", "-")
            if not entry.endswith(".dist-info") or stem != name:
                continue
            path = os.path.join(folder, entry)
            try:
                tool = fs.read_bytes(os.path.join(path, "INSTALLER")).decode().strip()
            except (OSError, UnicodeDecodeError):
                tool = "an unknown tool"
            info = fs.lstat(path)
            text = "%s, installed by %s then" % (entry[:-10].replace("-", " "), tool)
            return _finding("package", name, text, info.st_mtime if info else 0.0)
    text = "is not installed; site-packages last changed then"
    return _finding("package", name, text, latest)


def _names(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
