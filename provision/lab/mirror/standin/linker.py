"""Puts an unpacked package into a prefix, and takes one out."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import CondaError
from .model import Package

__all__ = ["LinkedPackage", "compile_python", "link", "python_version", "run_script", "unlink"]

_SHEBANG_LIMIT = 127
_ENTRY_POINT = """#!{python}
import re
import sys

from {module} import {base}

if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw?|\\.exe)?$', '', sys.argv[0])
    sys.exit({function}())
"""


@dataclass(slots=True)
class LinkedPackage:
    """`record` is what goes into conda-meta; `sources` are Python files still to be compiled."""

    record: dict[str, Any]
    sources: list[str]

    @property
    def stem(self) -> str:
        return "{name}-{version}-{build}".format(**self.record)


def python_version(records: list[dict[str, Any]]) -> str:
    """`3.11`, of the environment's python; the empty string without one."""
    for record in records:
        if record["name"] == "python":
            return ".".join(str(record["version"]).split(".")[:2])
    return ""


def _target(path: str, noarch_python: bool, python: str) -> str:
    if noarch_python and path.startswith("site-packages/"):
        return f"lib/python{python}/{path}"
    if noarch_python and path.startswith("python-scripts/"):
        return f"bin/{path.removeprefix('python-scripts/')}"
    return path


def _shebang(data: bytes) -> bytes:
    match = re.match(rb"#!\s*(\S+/([^/\s]+))(.*)\n", data)
    if match and len(match[0]) > _SHEBANG_LIMIT:
        return b"#!/usr/bin/env " + match[2] + match[3] + b"\n" + data[match.end() :]
    return data


def replace_prefix(data: bytes, mode: str, placeholder: str, prefix: str) -> bytes:
    """Raises CondaError when a binary's placeholder is shorter than the prefix."""
    old, new = placeholder.encode(), prefix.encode()
    if mode == "text":
        return _shebang(data.replace(old, new))
    if len(new) > len(old):
        raise CondaError(
            "PaddingError", f"Placeholder of length '{len(old)}' too short in package.\n"
        )

    def padded(match: re.Match[bytes]) -> bytes:
        text = match[0]
        return text.replace(old, new) + b"\0" * (text.count(old) * (len(old) - len(new)))

    return re.sub(re.escape(old) + rb"[^\0]*", padded, data)


def _place(source: Path, target: Path, *, copy: bool) -> int:
    """Links or copies; returns conda's number for it (1 hard link, 3 copy)."""
    if not copy:
        try:
            os.link(source, target, follow_symlinks=False)
            return 1
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES):
                raise
    shutil.copy2(source, target, follow_symlinks=False)
    return 3


def link(
    package: Package, folder: Path, prefix: Path, python: str, *, copy: bool, requested: list[str]
) -> LinkedPackage:
    """Links the package unpacked in `folder` into `prefix`, whose python is `python` ("3.11").

    The record names the address that was asked for, wherever the cache had the same archive from.
    """
    record = json.loads((folder / "info/repodata_record.json").read_text())
    record.update(url=package.url, channel=package.channel_url, subdir=package.subdir)
    paths = json.loads((folder / "info/paths.json").read_text())["paths"]
    noarch = record.get("noarch") == "python"
    if noarch and not python:
        raise CondaError(
            "LinkError",
            f"{record['name']} is a noarch python package, and the environment has no python",
        )
    kind, entries, sources = 1, [], []
    for path in paths:
        name = _target(path["_path"], noarch, python)
        target = prefix / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_symlink() or target.exists():
            target.unlink()
        entry = {**path, "_path": name, "sha256_in_prefix": path.get("sha256", "")}
        source = folder / path["_path"]
        if path.get("prefix_placeholder"):
            data = replace_prefix(
                source.read_bytes(), path["file_mode"], path["prefix_placeholder"], str(prefix)
            )
            target.write_bytes(data)
            target.chmod(source.stat().st_mode & 0o7777)
            entry["sha256_in_prefix"] = hashlib.sha256(data).hexdigest()
        elif path["path_type"] == "softlink":
            shutil.copy2(source, target, follow_symlinks=False)
        else:
            kind = max(kind, _place(source, target, copy=copy))
        if noarch and name.endswith(".py") and name.startswith("lib/python"):
            sources.append(name)
        entries.append(entry)
    for name in _entry_points(folder, prefix, python) if noarch else []:
        entries.append({"_path": name, "path_type": "unix_python_entry_point"})
    for name in [_compiled(source, python) for source in sources]:
        entries.append({"_path": name, "path_type": "pyc_file"})
    record.update(
        extracted_package_dir=str(folder),
        package_tarball_full_path=str(folder.parent / record["fn"]),
        files=[entry["_path"] for entry in entries],
        link={"source": str(folder), "type": kind},
        paths_data={"paths": entries, "paths_version": 1},
        requested_spec=requested[0] if requested else "None",
        requested_specs=requested,
    )
    return LinkedPackage(record, sources)


def _entry_points(folder: Path, prefix: Path, python: str) -> list[str]:
    file = folder / "info/link.json"
    if not file.is_file():
        return []
    names = []
    for line in json.loads(file.read_text()).get("noarch", {}).get("entry_points", []):
        name, module, function = (part.strip() for part in re.split("[=:]", line))
        target = prefix / "bin" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        interpreter = f"{prefix}/bin/python{python}"
        target.unlink(missing_ok=True)
        target.write_bytes(
            _shebang(
                _ENTRY_POINT.format(
                    python=interpreter,
                    module=module,
                    base=function.split(".")[0],
                    function=function,
                ).encode()
            )
        )
        target.chmod(0o755)
        names.append(f"bin/{name}")
    return names


def _compiled(source: str, python: str) -> str:
    folder, _, name = source.rpartition("/")
    tag = "cpython-" + python.replace(".", "")
    return f"{folder}/__pycache__/{name.removesuffix('.py')}.{tag}.pyc"


def compile_python(prefix: Path, sources: list[str]) -> None:
    """Compiles with the environment's own interpreter, as conda does; failures do not matter."""
    python = prefix / "bin/python"
    if not sources or not python.exists():
        return
    subprocess.run(
        [str(python), "-Wi", "-m", "compileall", "-q", "-l", "-i", "-"],
        input="\n".join(str(prefix / source) for source in sources),
        text=True,
        capture_output=True,
        cwd=prefix,
        check=False,
    )


def run_script(prefix: Path, record: dict[str, Any], action: str) -> None:
    """`post-link`, `pre-link` or `pre-unlink`. Raises LinkError when it fails."""
    script = prefix / "bin" / f".{record['name']}-{action}.sh"
    if not script.is_file():
        return
    environment = {
        **os.environ,
        "ROOT_PREFIX": sys.prefix,
        "PREFIX": str(prefix),
        "PKG_NAME": record["name"],
        "PKG_VERSION": record["version"],
        "PKG_BUILDNUM": str(record["build_number"]),
        "PATH": f"{prefix}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
    }
    reply = subprocess.run(
        ["bash", "-x", str(script)],
        env=environment,
        capture_output=True,
        text=True,
        cwd=prefix,
        check=False,
    )
    messages = prefix / ".messages.txt"
    if messages.is_file():
        sys.stderr.write(messages.read_text())
        messages.unlink()
    if reply.returncode:
        sys.stderr.write(reply.stdout + reply.stderr)
        raise CondaError(
            "LinkError",
            f"{action} script failed for package {record['name']}\n"
            f"location of failed script: {script}\n"
            f"==> script messages <==\n<None>\n==> script output <==\n"
            f"stdout: {reply.stdout}\nstderr: {reply.stderr}\n"
            f"return code: {reply.returncode}\n",
        )


def unlink(prefix: Path, record: dict[str, Any]) -> None:
    """Takes a package's files out, and the folders that this leaves empty."""
    run_script(prefix, record, "pre-unlink")
    folders: set[Path] = set()
    for name in record.get("files", []):
        path = prefix / name
        if path.is_symlink() or path.is_file():
            path.unlink()
        folders.add(path.parent)
    while folders:
        parents: set[Path] = set()
        for folder in folders:
            if folder == prefix or not folder.is_relative_to(prefix):
                continue
            try:
                folder.rmdir()
            except OSError:
                continue
            parents.add(folder.parent)
        folders = parents
    meta = prefix / "conda-meta" / "{name}-{version}-{build}.json".format(**record)
    meta.unlink(missing_ok=True)
