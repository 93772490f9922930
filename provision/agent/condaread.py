"""Everything that can be told of one environment from its files: for comparing and capturing."""

from __future__ import annotations

import os

from provision.agent import condaprefix, fs
from provision.agent.condafiles import changed_of_pip, distributions, unowned
from provision.agent.core import loads
from provision.agent.hello import cheap_facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional

    from provision.agent.core import Context

_RECORD_KEYS = (
    "name", "version", "build", "channel", "subdir", "fn", "url", "md5", "sha256", "size",
    "depends", "requested_spec", "requested_specs", "package_tarball_full_path",
    "extracted_package_dir",
)  # fmt: skip
_KERNELS = ("/usr/local/share/jupyter/kernels", "/usr/share/jupyter/kernels")


def read(ctx: Context, path: str, level: str, whole: bool) -> Dict[str, Any]:
    """level  records, files (which are missing) or hashes (which are changed, too)

    path, prefix, name, note  what it is, and what it was made from if we made it
    packages   the package set (`condaset`)
    problems   records that cannot be read
    changed    path → SHA-256 of what is there now, None for what is missing
    variables  of activation
    With `whole` also records, pip (distributions), history, pinned, unowned files, cache folders.
    """
    prefix = os.path.realpath(path)
    records, problems = condaprefix.read_records(prefix)
    note = condaprefix.read_note(prefix)
    told: Dict[str, Any] = {
        "path": path,
        "prefix": prefix,
        "name": os.path.basename(path),
        "note": {key: note[key] for key in ("built", "content", "lock") if key in note},
        "packages": condaprefix.read_set(prefix, records),
        "problems": problems,
        "variables": condaprefix.variables(prefix),
        "changed": _changed(prefix, records, level),
        "facts": cheap_facts(),
    }
    if whole:
        told["records"] = [
            {key: record[key] for key in _RECORD_KEYS if record.get(key) is not None}
            for record in records.values()
        ]
        told["pip"] = distributions(prefix, records)
        told["history"] = _text(os.path.join(prefix, "conda-meta", "history"))
        told["pinned"] = _text(os.path.join(prefix, "conda-meta", "pinned"))
        told["unowned"] = unowned(prefix, records)
    return told


def _changed(prefix: str, records: condaprefix.Records, level: str) -> Dict[str, Optional[str]]:
    if level == "records":
        return {}
    look = condaprefix.changed_files if level == "hashes" else condaprefix.missing_files
    paths: List[str] = look(prefix, records)
    paths += changed_of_pip(prefix, records, level == "hashes")
    found: Dict[str, Optional[str]] = {}
    for path in paths:
        try:
            found[path] = fs.sha256_file(os.path.join(prefix, path))
        except OSError:
            found[path] = None
    return found


def _text(path: str) -> str:
    try:
        return fs.read_bytes(path).decode("utf-8", "replace")
    except OSError:
        return ""


# -- the machine ------------------------------------------------------------------------


def machine(ctx: Context, path: str) -> Dict[str, Any]:
    """What the environment lived on: OS, C library, kernel, GPUs, and who uses it there."""
    from provision.agent import factgpu

    facts = cheap_facts()
    release = facts["os_release"]
    return {
        "os": release.get("PRETTY_NAME") or release.get("NAME", ""),
        "os_id": release.get("ID", ""),
        "os_version": release.get("VERSION_ID", ""),
        "architecture": facts["machine"],
        "kernel": facts["kernel"],
        "libc": facts["libc"],
        "gpu": factgpu.gpu(ctx, {})["gpu"],
        "kernels": kernels(path),
        "services": services(path),
    }


def _inside(word: str, path: str) -> bool:
    prefix = os.path.realpath(path)
    return any(word.startswith(place + "/") for place in (path, prefix))


def kernels(path: str) -> List[Dict[str, Any]]:
    """Jupyter kernels whose interpreter is the environment's."""
    from provision.agent.condalist import homes

    folders = [*_KERNELS, os.path.join(os.path.realpath(path), "share/jupyter/kernels")]
    folders += [home + "/.local/share/jupyter/kernels" for home in homes()]
    found = []
    for folder in dict.fromkeys(folders):
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            try:
                spec = loads(_text(os.path.join(folder, name, "kernel.json")))
                argv = spec["argv"]
            except Exception:  # the C scanner raises StopIteration as well as ValueError
                continue
            if argv and _inside(str(argv[0]), path):
                shown = spec.get("display_name", name)
                found.append({"name": name, "display_name": shown, "directory": folder})
    return found


def services(path: str) -> List[str]:
    """systemd units that run something of it."""
    from provision.agent.condapast import units_of
    from provision.agent.generations import Generations

    return units_of(Generations(os.path.dirname(path), os.path.basename(path)))
