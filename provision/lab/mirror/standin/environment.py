"""What conda keeps inside an environment: records, history, pins, state."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import version

__all__ = ["pip_packages", "read_records", "requested", "write_history", "write_record"]


def read_records(prefix: Path) -> list[dict[str, Any]]:
    """The conda-meta records, by name."""
    records = []
    for path in sorted((prefix / "conda-meta").glob("*.json")):
        if not path.name.startswith("._"):
            record = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(record, dict) and "name" in record:
                records.append(record)
    return sorted(records, key=lambda record: str(record["name"]))


def write_record(prefix: Path, record: dict[str, Any]) -> None:
    folder = prefix / "conda-meta"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "{name}-{version}-{build}.json".format(**record)
    path.write_text(json.dumps(record, indent=2, sort_keys=True), encoding="utf-8")


def write_history(
    prefix: Path,
    *,
    removed: Sequence[str] = (),
    added: Sequence[str] = (),
    update: Sequence[str] = (),
    remove: Sequence[str] = (),
) -> None:
    """Appends one transaction: the command, what came and went, and the specs asked for."""
    lines = [
        f"==> {time.strftime('%Y-%m-%d %H:%M:%S')} <==",
        f"# cmd: {' '.join(sys.argv)}",
        f"# conda version: {version()}",
        *(f"-{label}" for label in removed),
        *(f"+{label}" for label in added),
    ]
    if remove:
        lines.append(f"# remove specs: {list(remove)}")
    if update:
        lines.append(f"# update specs: {list(update)}")
    path = prefix / "conda-meta/history"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def requested(prefix: Path) -> dict[str, str]:
    """Name → spec, of what was ever asked for and not removed since."""
    path = prefix / "conda-meta/history"
    specs: dict[str, str] = {}
    if not path.is_file():
        return specs
    for line in path.read_text(encoding="utf-8").splitlines():
        match = re.match(r"# (update|install|create|remove) specs: (\[.*\])", line)
        if not match:
            continue
        for spec in re.findall(r"['\"]([^'\"]+)['\"]", match[2]):
            name = spec_name(spec)
            if match[1] == "remove":
                specs.pop(name, None)
            else:
                specs[name] = spec
    return specs


def spec_name(spec: str) -> str:
    return re.split(r"[ =<>!~\[;]", spec.rpartition("::")[2].strip(), maxsplit=1)[0].lower()


def pip_packages(prefix: Path, records: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """(name, version) of the distributions that no conda package owns."""
    owned = {
        name for record in records for name in record.get("files", []) if name.endswith("/METADATA")
    }
    found = []
    for metadata in sorted(prefix.glob("lib/python3*/site-packages/*.dist-info/METADATA")):
        if metadata.relative_to(prefix).as_posix() in owned:
            continue
        fields = dict.fromkeys(("Name", "Version"), "")
        for line in metadata.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(": ")
            if not line:
                break
            if key in fields and not fields[key]:
                fields[key] = value.strip()
        if fields["Name"]:
            found.append((re.sub(r"[-_.]+", "-", fields["Name"]).lower(), fields["Version"]))
    return sorted(set(found))
