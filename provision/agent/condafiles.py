"""Files of pip's distributions, and files that nobody owns."""

from __future__ import annotations

import os

from provision.agent import condaprefix, fs
from provision.agent.core import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterator, List, Set, Tuple

    Records = condaprefix.Records

_LIMIT = 2000  # unowned files that are told; beyond it only their number grows
_HEAD = 64 * 1024
#: What programs write into an environment as they run.
_WRITTEN = ("__pycache__/", ".ipynb_checkpoints/")
_TOP = ("conda-meta", "pkgs", "envs", "var", ".cache")


def _owned_dists(records: Records) -> Set[str]:
    found = set()
    for record in records.values():
        for path in record.get("files") or ():
            if "-info/" in path:
                found.add(path.partition("-info/")[0] + "-info")
            elif path.endswith((".egg-info", ".egg-link")):
                found.add(path)
    return found


def pip_dists(prefix: str, records: Records) -> List[str]:
    """Absolute paths of the distributions that no conda package owns."""
    owned = _owned_dists(records)
    start = len(prefix.rstrip("/")) + 1
    found = []
    for folder in condaprefix.site_packages(prefix):
        for entry in sorted(os.listdir(folder)):
            path = os.path.join(folder, entry)
            if condaprefix.is_dist(entry) and path[start:] not in owned:
                found.append(path)
    return found


def record_lines(dist: str) -> List[Tuple[str, str]]:
    """(absolute path, hash) of a `RECORD`; the hash is "" where it has none."""
    try:
        text = fs.read_bytes(os.path.join(dist, "RECORD")).decode("utf-8", "replace")
    except OSError:
        return []
    base = os.path.dirname(dist)
    found = []
    for line in text.splitlines():
        path, digest = _fields(line)
        if path:
            found.append((os.path.normpath(os.path.join(base, path)), digest))
    return found


def _fields(line: str) -> Tuple[str, str]:
    """The first two of a CSV line; a path with a comma stands in quotes."""
    if line[:1] == '"':
        path, _, rest = line[1:].partition('",')
        return path.replace('""', '"'), rest.partition(",")[0]
    words = line.split(",")
    return (words[0], words[1]) if len(words) >= 2 else (line.strip(), "")


def changed_of_pip(prefix: str, records: Records, hashes: bool) -> List[str]:
    """Files of pip's packages that are missing or, with `hashes`, not what was installed."""
    start = len(prefix.rstrip("/")) + 1
    owned = {path for record in records.values() for path in record.get("files") or ()}
    wrong = []
    for dist in pip_dists(prefix, records):
        for path, digest in record_lines(dist):
            if path.endswith(".pyc") or path[start:] in owned:
                continue
            info = fs.lstat(path)
            if info is None or (hashes and not _is_as_installed(path, info, digest)):
                wrong.append(path[start:])
    return wrong


def _is_as_installed(path: str, info: os.stat_result, digest: str) -> bool:
    if not digest.startswith("sha256=") or fs.kind_of(info) != "file":
        return True  # nothing to compare with
    return fs.sha256_file(path, info.st_size) == _hexadecimal(digest[7:])


def _hexadecimal(digest: str) -> str:
    """Of URL-safe base64 without padding."""
    import binascii

    text = digest.replace("-", "+").replace("_", "/")
    return binascii.a2b_base64(text + "=" * (-len(text) % 4)).hex()


def distributions(prefix: str, records: Records) -> List[Dict[str, Any]]:
    """What pip installed: name, version, path (below the prefix), direct (`direct_url.json`),
    installer, requested (by a person), requires, editable (a legacy one)."""
    start = len(prefix.rstrip("/")) + 1
    found = []
    for dist in pip_dists(prefix, records):
        name, (version, _, source, _) = condaprefix.distribution(dist)
        found.append(
            {
                "name": name,
                "version": version,
                "path": dist[start:],
                "source": source,
                "direct": _direct(dist),
                "installer": _line(dist, "INSTALLER"),
                "requested": os.path.exists(os.path.join(dist, "REQUESTED")),
                "editable": dist.endswith(".egg-link"),
                "requires": list(_requires(dist)),
            }
        )
    return found


def _line(dist: str, file: str) -> str:
    try:
        return fs.read_bytes(os.path.join(dist, file)).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def _direct(dist: str) -> Dict[str, Any]:
    try:
        found = loads(_line(dist, "direct_url.json"))
    except Exception:  # the C scanner raises StopIteration as well as ValueError
        return {}
    return found if isinstance(found, dict) else {}


def _requires(dist: str) -> Iterator[str]:
    try:
        with open(os.path.join(dist, "METADATA"), "rb") as stream:
            head = stream.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return
    for line in head.splitlines():
        if line.startswith("Requires-Dist:"):
            yield line[14:].strip()
        elif not line:
            return


def unowned(prefix: str, records: Records) -> List[str]:
    """Files below the prefix that neither conda nor pip has put there, bytecode and what
    programs write aside. At most a few thousand."""
    start = len(prefix.rstrip("/")) + 1
    owned = {path for record in records.values() for path in record.get("files") or ()}
    for dist in pip_dists(prefix, records):
        owned.update(path[start:] for path, _ in record_lines(dist))
        if not os.path.isdir(dist):
            owned.add(dist[start:])
    found: List[str] = []
    for folder, folders, files in os.walk(prefix):
        if folder == prefix:
            folders[:] = [name for name in folders if name not in _TOP]
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            path = os.path.join(folder, name)[start:]
            if path not in owned and not _is_written(path):
                found.append(path)
                if len(found) >= _LIMIT:
                    return found
    return found


def _is_written(path: str) -> bool:
    if path.endswith((".pyc", ".pyo")) or any(part in path for part in _WRITTEN):
        return True
    # egg-info's own files have no list, and conda's links none for itself
    return "/site-packages/easy-install.pth" in path or ".egg-info/" in path
