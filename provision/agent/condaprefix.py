"""What is installed in a conda prefix, read from its files: no conda, no pip is started.

Reading 150 records takes tens of milliseconds. `signature` looks at their names and stat data
alone; where it is what it was when the records were last read, so is everything in them.
"""

from __future__ import annotations

import os

from provision.agent import fs
from provision.agent.condaset import UNKNOWN, plain_source
from provision.agent.core import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Set, Tuple

    Records = Dict[str, Dict[str, Any]]
    PackageSet = Dict[str, List[str]]

RECORD = "conda-meta/provision.record"  # conda reads every *.json there as a package
_METADATA_HEAD = 64 * 1024


def _listed(path: str) -> List[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def record_names(prefix: str) -> List[str]:
    """File names of the packages' records."""
    names = _listed(os.path.join(prefix, "conda-meta"))
    return [n for n in names if n.endswith(".json") and not n.startswith("._")]


def site_packages(prefix: str) -> List[str]:
    lib = os.path.join(prefix, "lib")
    found = [os.path.join(lib, n, "site-packages") for n in _listed(lib) if n.startswith("python")]
    return [path for path in found if os.path.isdir(path)]


def is_dist(name: str) -> bool:
    return name.endswith((".dist-info", ".egg-info", ".egg-link")) and not name.startswith("~")


def signature(prefix: str) -> str:
    """Changes whenever a record or an installed distribution does."""
    lines = []
    meta = os.path.join(prefix, "conda-meta")
    places = [os.path.join(meta, name) for name in record_names(prefix)]
    for folder in site_packages(prefix):
        places += [os.path.join(folder, name) for name in _listed(folder) if is_dist(name)]
    places += [os.path.join(meta, "state"), os.path.join(prefix, "bin", "python")]
    for path in places:
        info = fs.lstat(path)
        if info is None:
            lines.append(path[len(prefix) :])
            continue
        # The change time cannot be set back by those who edit a file.
        stamp = (path[len(prefix) :], info.st_size, info.st_mtime_ns, info.st_ctime_ns)
        lines.append("%s %d %d %d" % stamp)
    return fs.sha256_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))


def read_records(prefix: str) -> Tuple[Records, List[str]]:
    """Each conda package's record by name, and what is wrong with the others."""
    records: Records = {}
    problems = []
    for name in record_names(prefix):
        path = os.path.join(prefix, "conda-meta", name)
        try:
            record = loads(fs.read_bytes(path).decode("utf-8"))
            records[record["name"]] = record
            record["version"], record["build"]
        except Exception:  # the C scanner raises StopIteration, KeyError, ValueError...
            problems.append("the record %s is damaged" % name)
    return records, problems


def read_set(prefix: str, records: Records) -> PackageSet:
    """The package set (see `condaset`) of a prefix."""
    found: PackageSet = {}
    owned: Set[str] = set()
    for name, record in records.items():
        url = record.get("url") or ""
        source = plain_source(url) if url else UNKNOWN
        sha256 = record.get("sha256") or ""
        found["conda:" + name] = [record["version"], record["build"], source, sha256]
        for path in record.get("files") or ():
            if "-info/" in path or path.endswith((".egg-info", ".egg-link")):
                owned.add(path.partition("-info/")[0] + "-info" if "-info/" in path else path)
    start = len(prefix.rstrip("/")) + 1
    for folder in site_packages(prefix):
        for entry in _listed(folder):
            path = os.path.join(folder, entry)
            if is_dist(entry) and path[start:] not in owned:
                name, values = distribution(path)
                found["pip:" + name] = values
    return found


def distribution(path: str) -> Tuple[str, List[str]]:
    """(normalised name, entry) of a `.dist-info`, `.egg-info` or `.egg-link`."""
    stem = os.path.basename(path).rpartition(".")[0]
    name, _, version = stem.partition("-")
    version = version.partition("-")[0]
    for inside in ("METADATA", "PKG-INFO", ""):
        try:
            with open(os.path.join(path, inside).rstrip("/"), "rb") as stream:
                head = stream.read(_METADATA_HEAD).decode("utf-8", "replace")
        except OSError:
            continue
        for line in head.splitlines():
            key, sep, value = line.partition(":")
            if not sep:
                break
            if key == "Name":
                name = value.strip()
            elif key == "Version":
                version = value.strip()
        break
    return _normalised(name), [version, "", _pip_source(path), ""]


def _normalised(name: str) -> str:
    out = ""
    for letter in name.lower():
        letter = "-" if letter in "._-" else letter
        if not (letter == "-" and out.endswith("-")):
            out += letter
    return out


def _pip_source(path: str) -> str:
    """Where pip had it from when not from an index: a URL, a commit, a folder."""
    if path.endswith(".egg-link"):
        return "editable"
    try:
        direct = loads(fs.read_bytes(os.path.join(path, "direct_url.json")).decode("utf-8"))
        url = str(direct["url"])
    except Exception:  # as above: none, or nothing that can be read
        return ""
    url = (plain_source(url + "/x") if "://" in url else url).partition("#")[0]
    if "vcs_info" in direct:
        vcs = direct["vcs_info"]
        return "%s+%s@%s" % (vcs.get("vcs", "vcs"), url, vcs.get("commit_id", ""))
    if (direct.get("dir_info") or {}).get("editable"):
        return "editable " + url
    return url


def missing_files(prefix: str, records: Records) -> List[str]:
    """Paths that records list and that are not there, bytecode aside."""
    lost = []
    for record in records.values():
        for path in record.get("files") or ():
            if not path.endswith(".pyc") and not os.path.lexists(os.path.join(prefix, path)):
                lost.append(path)
    return lost


def changed_files(prefix: str, records: Records) -> List[str]:
    """Paths that are missing, or whose content is not what was linked.

    Bytecode is left out: Python renews it as it likes.
    """
    wrong = []
    for record in records.values():
        paths = (record.get("paths_data") or {}).get("paths") or ()
        for item in paths:
            if item["_path"].endswith(".pyc"):
                continue
            expected = item.get("sha256_in_prefix") or item.get("sha256")
            path = os.path.join(prefix, item["_path"])
            info = fs.lstat(path)
            if info is None:
                wrong.append(item["_path"])
            elif not expected or item.get("path_type") != "hardlink":
                continue
            elif fs.kind_of(info) != "file" or fs.sha256_file(path, info.st_size) != expected:
                wrong.append(item["_path"])
    return wrong


def read_note(prefix: str) -> Dict[str, Any]:
    """What this prefix was made from (`write_note`), {} when it is none of ours or not done."""
    try:
        note = loads(fs.read_bytes(os.path.join(prefix, RECORD)).decode("utf-8"))
    except Exception:  # as above
        return {}
    return note if isinstance(note, dict) else {}


def write_note(prefix: str, note: Dict[str, Any]) -> None:
    fs.write_file(os.path.join(prefix, RECORD), dumps(note).encode("utf-8"), mode=0o644)


def variables(prefix: str) -> Dict[str, str]:
    """What `conda env config vars` would list."""
    try:
        state = loads(fs.read_bytes(os.path.join(prefix, "conda-meta", "state")).decode("utf-8"))
        found = state.get("env_vars") or {}
    except Exception:  # as above
        return {}
    return {str(key): str(value) for key, value in found.items()}


def users(prefix: str) -> List[int]:
    """Processes that run from, or have mapped, something below a prefix.

    Of other users' processes an ordinary user sees only the command line.
    """
    inside = prefix.rstrip("/") + "/"
    found = []
    for name in _listed("/proc"):
        if name.isdigit() and int(name) != os.getpid() and _uses("/proc/" + name, inside):
            found.append(int(name))
    return found


def _uses(proc: str, inside: str) -> bool:
    try:
        if os.readlink(proc + "/exe").startswith(inside):
            return True
        if (os.readlink(proc + "/cwd") + "/").startswith(inside):
            return True
    except OSError:
        pass
    needle = inside.encode("utf-8", "surrogateescape")
    for file in ("maps", "cmdline"):
        try:
            with open(proc + "/" + file, "rb") as stream:
                if needle in stream.read():
                    return True
        except OSError:
            continue
    return False
