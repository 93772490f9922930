"""What logs of a host say: packages, units, logins, commands run with sudo, conda's history."""

from __future__ import annotations

import os
import time

from provision.agent import fs
from provision.agent.core import Fail, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Sequence

    from provision.agent.core import Context

    Finding = Dict[str, Any]
    Findings = List[Finding]

_TAIL = 4 * 1024 * 1024  # bytes read of one log
_JOURNAL_S = 8.0
_UNIT_LINES = 4
_PROPERTIES = "Id,FragmentPath,DropInPaths,NRestarts,Result,ExecMainStatus,StateChangeTimestamp"
_WTMP = 384  # bytes of a record on 64-bit x86


def _lines(*paths: str) -> Iterator[str]:
    """Lines of logs that are there and may be read, the oldest log first."""
    for path in paths:
        try:
            data = _packed(path + ".gz") if not os.path.exists(path) else _last(path)
        except OSError:
            continue
        for line in data.decode("utf-8", "replace").splitlines():
            yield line


def _last(path: str) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        return os.pread(fd, _TAIL, max(0, size - _TAIL))
    finally:
        os.close(fd)


def _packed(path: str) -> bytes:
    import zlib

    try:
        return zlib.decompressobj(31).decompress(fs.read_bytes(path), _TAIL)
    except zlib.error:
        return b""


def _rotated(path: str) -> List[str]:
    return [path + ".2", path + ".1", path]


def _at(text: str, form: str = "%Y-%m-%d %H:%M:%S") -> float:
    try:
        return time.mktime(time.strptime(text, form))
    except (ValueError, OverflowError):
        return 0.0


# -- packages -----------------------------------------------------------------------------


class PackageLog:
    """The last thing that happened to each package, as dpkg, apt and dnf have written it."""

    def __init__(self) -> None:
        self.last: Dict[str, Finding] = {}
        self.runs: List[Dict[str, str]] = []

    def of(self, name: str) -> Findings:
        told = [self.last[name]] if name in self.last else []
        for run in reversed(self.runs):
            if any((" %s:" % name) in (" " + run.get(key, "")) for key in _VERBS):
                who = run.get("Requested-By", "")
                text = run.get("Commandline", "") + (", asked for by " + who if who else "")
                at = _at(" ".join(run.get("Start-Date", "").split()))
                told.append({"kind": "apt", "about": name, "text": text, "at": at})
                break
        return told


_VERBS = ("Install", "Upgrade", "Remove", "Purge", "Downgrade", "Reinstall")
_DONE = ("install", "upgrade", "remove", "purge")


def package_log(folder: str = "/var/log") -> PackageLog:
    log = PackageLog()
    for line in _lines(*_rotated(folder + "/dpkg.log")):
        words = line.split()
        if len(words) >= 6 and words[2] in _DONE:
            name = words[3].partition(":")[0]
            versions = [word for word in words[4:6] if word != "<none>"]
            text = "%s %s (dpkg)" % (words[2], " to ".join(versions))
            at = _at(words[0] + " " + words[1])
            log.last[name] = {"kind": "package", "about": name, "text": text, "at": at}
    run: Dict[str, str] = {}
    apt = folder + "/apt/history.log"
    for line in _lines(apt + ".1", apt):
        key, sep, value = line.partition(": ")
        if key == "Start-Date":
            run = {}
            log.runs.append(run)
        if sep:
            run[key] = value.strip()
    for line in _lines(folder + "/dnf.rpm.log.1", folder + "/dnf.rpm.log"):
        words = line.split(None, 3)
        if len(words) == 4 and words[2].endswith("ed:"):
            name = words[3].rsplit("-", 2)[0]
            text = "%s %s (rpm)" % (words[2].rstrip(":").lower(), words[3])
            at = _at(words[0][:19], "%Y-%m-%dT%H:%M:%S")
            log.last[name] = {"kind": "package", "about": name, "text": text, "at": at}
    return log


def conda_history(path: str) -> Findings:
    """The last command of conda's history. Tokens and passwords in URLs are masked."""
    at, found = 0.0, None
    for line in _lines(path):
        if line.startswith("==> "):
            at = _at(line[4:23])
        elif line.startswith("# cmd: "):
            found = {"kind": "conda", "about": path, "text": _masked(line[7:]), "at": at}
    return [found] if found else []


def _masked(text: str) -> str:
    words = []
    for word in text.split(" "):
        scheme, sep, rest = word.partition("://")
        if sep:
            host, slash, path = rest.partition("/")
            path = "t/***/" + path[2:].partition("/")[2] if path.startswith("t/") else path
            word = scheme + sep + host.rpartition("@")[2] + slash + path
        words.append(word)
    return " ".join(words)


# -- units --------------------------------------------------------------------------------


def units(ctx: Context, names: Sequence[str]) -> Dict[str, Findings]:
    """By unit: its files, how it ended last, and the manager's last words about it."""
    found: Dict[str, Findings] = {name: [] for name in names}
    full = {name if "." in name else name + ".service": name for name in names}
    for shown in _shown(ctx, list(full)):
        told = found.get(full.get(shown.get("Id", ""), ""))
        if told is None:
            continue
        for path in [shown.get("FragmentPath", ""), *shown.get("DropInPaths", "").split()]:
            info = fs.lstat(path) if path else None
            if info is not None:
                who = fs.user_name(info.st_uid)
                text = "of %s, owned by %s; last changed then" % (shown["Id"], who)
                told.append({"kind": "unit", "about": path, "text": text, "at": info.st_ctime})
        told += _state(shown)
    matches = ["UNIT=" + name for name in full]
    said: Dict[str, Findings] = {}
    for entry in _journal(ctx, 60, 0.0, matches):
        name = full.get(str(entry.get("UNIT", "")), "")
        text = str(entry.get("MESSAGE", ""))
        line = {"kind": "journal", "about": name, "text": text, "at": _moment(entry)}
        said.setdefault(name, []).append(line)
    for name, lines in said.items():
        if name in found:
            found[name] += lines[-_UNIT_LINES:]
    return found


def _state(shown: Dict[str, str]) -> Findings:
    words = []
    if shown.get("Result") not in ("success", "", None):
        words.append("ended with %s (%s)" % (shown["Result"], shown.get("ExecMainStatus", "")))
    if shown.get("NRestarts") not in ("0", "", None):
        words.append("restarted %s times by systemd" % shown["NRestarts"])
    if not words:
        return []
    at = _at(" ".join(shown.get("StateChangeTimestamp", "").split()[1:3]))
    return [{"kind": "unit", "about": shown["Id"], "text": ", ".join(words), "at": at}]


def _shown(ctx: Context, names: Sequence[str]) -> List[Dict[str, str]]:
    try:
        done = ctx.probe(
            ["systemctl", "show", "--property=" + _PROPERTIES, "--", *names], timeout_s=_JOURNAL_S
        )
    except Fail:
        return []
    found = []
    for block in done.stdout.split("\n\n"):
        pairs = (line.partition("=") for line in block.splitlines())
        found.append({key: value for key, _, value in pairs})
    return found


def _journal(
    ctx: Context, count: int, since: float, matches: Sequence[str]
) -> Iterator[Dict[str, Any]]:
    # backwards, since with --since it is the first lines that --lines would keep
    argv = ["journalctl", "--quiet", "--no-pager", "--reverse", "--output=json"]
    argv.append("--lines=%d" % count)
    argv.append("--output-fields=MESSAGE,UNIT,_COMM,SYSLOG_IDENTIFIER")
    if since:
        argv.append("--since=@%d" % since)
    for index, match in enumerate(matches):
        argv += ["+", match] if index else [match]
    try:
        done = ctx.probe(argv, timeout_s=_JOURNAL_S)
    except Fail:
        return
    for line in reversed(done.stdout.splitlines()):
        try:
            entry = loads(line)
        except Exception:  # the C scanner raises what it likes
            continue
        if isinstance(entry, dict) and isinstance(entry.get("MESSAGE"), str):
            yield entry


def _moment(entry: Dict[str, Any]) -> float:
    return int(entry.get("__REALTIME_TIMESTAMP", 0)) / 1e6


# -- people -------------------------------------------------------------------------------


def authorised(ctx: Context, since: float) -> Findings:
    """Logins by SSH and commands with sudo, as the journal has them."""
    found: Findings = []
    matches = ["_COMM=sudo", "_COMM=sshd", "_COMM=sshd-session", "_COMM=su"]
    for entry in _journal(ctx, 400, since, matches):
        text = entry["MESSAGE"].strip()
        at = _moment(entry)
        if text.startswith("Accepted "):
            words = text.split()
            if "for" in words and "from" in words:
                user = words[words.index("for") + 1]
                origin = words[words.index("from") + 1]
                said = "logged in from %s by %s" % (origin, words[1])
                found.append({"kind": "login", "about": user, "text": said, "at": at})
        elif "COMMAND=" in text:
            user = text.partition(" :")[0].strip()
            command = text.partition("COMMAND=")[2]
            found.append({"kind": "sudo", "about": user, "text": _masked(command), "at": at})
    return found


def logins(since: float, path: str = "/var/log/wtmp") -> Findings:
    """Sessions on terminals, from wtmp where there is one that can be read."""
    found: Findings = []
    if os.uname().machine != "x86_64":
        return found
    try:
        data = _last(path)
    except OSError:
        return found
    for start in range(0, len(data) - _WTMP + 1, _WTMP):
        record = data[start : start + _WTMP]
        if int.from_bytes(record[:2], "little") != 7:
            continue
        at = float(int.from_bytes(record[340:344], "little"))
        if at < since:
            continue
        user, line, host = (
            record[a:b].partition(b"\0")[0].decode("utf-8", "replace")
            for a, b in ((44, 76), (8, 40), (76, 332))
        )
        text = "session on %s%s" % (line, " from " + host if host else "")
        found.append({"kind": "login", "about": user, "text": text, "at": at})
    return found
