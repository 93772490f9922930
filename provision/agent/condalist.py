"""Every environment of a host, found by looking where conda puts them; no conda is started."""

from __future__ import annotations

import os

from provision.agent import condaprefix, fs
from provision.agent.core import Fail
from provision.agent.generations import FOLDER, Generations, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

_BASES = (
    "miniconda3", "miniforge3", "mambaforge", "anaconda3", "micromamba", "conda", "miniconda",
    "miniforge", "anaconda",
)  # fmt: skip
_SHARED = ("/opt", "/usr/local", "/srv", "/data")
_REGISTER = ".conda/environments.txt"  # where conda notes every prefix that a user has made


def _listed(path: str) -> List[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def homes() -> List[str]:
    """Of those who have one here; a directory service with thousands of users is not asked."""
    found = ["/root", os.path.expanduser("~")]
    found += ["/home/" + name for name in _listed("/home")]
    return list(dict.fromkeys(path for path in found if os.path.isdir(path)))


def bases(conda: Optional[str] = None) -> List[str]:
    """Installations of conda: the one that is named, or all that lie where they usually do."""
    if conda:
        return [conda.rstrip("/")]
    places = [os.path.join(folder, name) for folder in _SHARED for name in _BASES]
    for home in homes():
        places += [os.path.join(home, name) for name in (*_BASES, ".conda")]
    found: Dict[str, None] = {}
    for path in places:
        if os.path.isdir(path + "/envs") or os.path.isdir(path + "/conda-meta"):
            found.setdefault(os.path.realpath(path))
    return list(found)


def envs_dirs(conda: Optional[str] = None, envs_dir: Optional[str] = None) -> List[str]:
    """Directories that hold environments."""
    if envs_dir:
        return [envs_dir.rstrip("/")]
    found = [base + "/envs" for base in bases(conda)]
    return [path for path in found if os.path.isdir(path)]


def registered() -> List[str]:
    """Prefixes that conda has noted and that are still there."""
    found: Dict[str, None] = {}
    for home in homes():
        try:
            text = fs.read_bytes(os.path.join(home, _REGISTER)).decode("utf-8", "replace")
        except OSError:
            continue
        for line in text.splitlines():
            path = line.strip()
            if path and os.path.isdir(os.path.join(path, "conda-meta")):
                found.setdefault(path)
    return list(found)


def all_environments(
    conda: Optional[str] = None, envs_dir: Optional[str] = None
) -> List[Dict[str, Any]]:
    """Every environment, see `summary`; those of one directory in the order of names."""
    found: List[Dict[str, Any]] = []
    seen: Dict[str, None] = {}
    for folder in envs_dirs(conda, envs_dir):
        for name in _listed(folder):
            path = os.path.join(folder, name)
            if name.startswith(".") or not (os.path.isdir(path) or os.path.islink(path)):
                continue
            seen.setdefault(os.path.realpath(path))
            found.append(summary(name, path))
    if conda is None and envs_dir is None:
        for path in registered():
            real = os.path.realpath(path)
            if real not in seen and "/" + FOLDER + "/" not in real + "/":
                seen.setdefault(real)
                if not os.path.isdir(os.path.join(real, "condabin")):  # a base is none
                    found.append(summary(os.path.basename(path), path))
    return found


def summary(name: str, path: str) -> Dict[str, Any]:
    """name, path, prefix, kind (generation, conda, broken), generation, built and changed
    (seconds since 1970), python, packages (pip's only where we have built it),
    owner."""
    prefix = os.path.realpath(path)
    info = fs.lstat(prefix)
    meta = fs.lstat(os.path.join(prefix, "conda-meta"))
    if info is None or meta is None:
        return {"name": name, "path": path, "prefix": prefix, "kind": "broken"}
    note = condaprefix.read_note(prefix)
    history = fs.lstat(os.path.join(prefix, "conda-meta", "history"))
    records = condaprefix.record_names(prefix)
    return {
        "name": name,
        "path": path,
        "prefix": prefix,
        "kind": "generation" if note else "conda",
        "generation": os.path.basename(prefix) if note else None,
        "built": note.get("built") or (history or meta).st_mtime,
        "changed": (history or meta).st_mtime,
        "python": next((v for n, v in map(_words, records) if n == "python"), ""),
        "packages": len(records) + len((note.get("lock") or {}).get("pip") or ()),
        "owner": fs.user_name(info.st_uid),
    }


def _words(record: str) -> Tuple[str, str]:
    """(name, version) of a record's file name."""
    words = record[:-5].rsplit("-", 2)
    return (words[0], words[1]) if len(words) == 3 else (record, "")


def find(name: str, conda: Optional[str] = None, envs_dir: Optional[str] = None) -> str:
    """The path of the environment, or generation, that is called so; a path is taken as it is.

    Raises Fail when there is none, or more than one.
    """
    if "/" in name:
        path = os.path.expanduser(name).rstrip("/")
        if not os.path.isdir(os.path.join(path, "conda-meta")):
            raise Fail("%s is no environment" % path)
        return path
    folders = envs_dirs(conda, envs_dir)
    if name == "base":
        found = [b for b in bases(conda) if os.path.isdir(b + "/conda-meta")]
    else:
        found = [os.path.join(folder, name) for folder in folders]
        found += [os.path.join(folder, FOLDER, name) for folder in folders if name_of(name)]
        if conda is None and envs_dir is None:
            found += [path for path in registered() if os.path.basename(path) == name]
        found = [p for p in found if os.path.isdir(os.path.join(p, "conda-meta"))]
    once = list({os.path.realpath(path): path for path in reversed(found)}.values())
    if len(once) == 1:
        return once[0]
    if not once:
        where = ", ".join(folders) or "no conda was found"
        raise Fail("no environment %s (%s)" % (name, where))
    raise Fail("%s is the name of several: %s" % (name, ", ".join(sorted(once))))


def generations_of(
    name: str, conda: Optional[str] = None, envs_dir: Optional[str] = None
) -> Generations:
    """Raises Fail when no directory, or more than one, has it."""
    folders = envs_dirs(conda, envs_dir)
    found = [Generations(folder, name) for folder in folders]
    there = [one for one in found if one.kind() is not None or one.all()]
    if len(there) == 1:
        return there[0]
    if not there:
        raise Fail("no environment %s (%s)" % (name, ", ".join(folders) or "no conda was found"))
    paths = ", ".join(one.link for one in there)
    raise Fail("%s is the name of several: %s" % (name, paths))


def names_with_generations(folder: str) -> List[str]:
    """Of all environments below a directory that have, or had, generations."""
    entries = _listed(os.path.join(folder, FOLDER))
    return sorted({name for name in map(name_of, entries) if name})
