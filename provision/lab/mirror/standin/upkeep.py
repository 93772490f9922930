"""`conda search` and `conda clean`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from .context import Context
from .errors import CondaError
from .output import write_json
from .solver import not_found, search
from .tos import require_terms

__all__ = ["clean", "search_command"]


def search_command(context: Context) -> None:
    """`conda search [--json]`."""
    spec = (context.options.get("match_spec") or "*").strip()
    channels = context.channels()
    require_terms(context, channels)
    found = search(context, spec, channels)
    if not found:
        raise not_found([spec], channels)
    if context.json:
        grouped: dict[str, list[dict[str, Any]]] = {}
        for package in found:
            grouped.setdefault(package.name, []).append(
                {
                    **package.record,
                    "fn": package.filename,
                    "url": package.url,
                    "channel": package.channel_url,
                    "subdir": package.subdir,
                }
            )
        write_json(grouped)
        return
    sys.stdout.write(
        f"Loading channels: done\n# {'Name':<24} {'Version':>15} {'Build':>20}  Channel\n"
    )
    for package in found:
        sys.stdout.write(
            f"{package.name:<26} {package.version:>15} {package.build:>20}  "
            f"{context.canonical(package.channel_url)}\n"
        )


def clean(context: Context) -> None:
    """`conda clean`: --all, --packages, --tarballs, --index-cache."""
    everything = context.options.get("all")
    if not any(
        context.options.get(key)
        for key in (
            "all",
            "packages",
            "tarballs",
            "index_cache",
            "tempfiles",
            "logfiles",
            "force_pkgs_dirs",
        )
    ):
        raise CondaError(
            "ArgumentError", "At least one removal target must be given. See 'conda clean --help'."
        )
    removed: list[str] = []
    for folder in context.pkgs_dirs:
        doomed: list[Path] = []
        if everything or context.options.get("tarballs"):
            doomed += [*folder.glob("*.conda"), *folder.glob("*.tar.bz2")]
        if everything or context.options.get("packages"):
            doomed += [
                path.parent.parent
                for path in folder.glob("*/info/index.json")
                if not _in_use(path.parent.parent)
            ]
        if everything or context.options.get("index_cache"):
            doomed += [path for path in (folder / "cache",) if path.exists()]
        for path in doomed:
            removed.append(str(path))
            if not context.options.get("dry_run"):
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()
    if context.json:
        write_json({"success": True, "removed": removed})
    else:
        sys.stdout.write(f"Will remove {len(removed)} file(s).\n")


def _in_use(folder: Path) -> bool:
    """Whether an environment still has hard links into an unpacked package."""
    return any(
        path.stat().st_nlink > 1
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and path.relative_to(folder).parts[0] != "info"
    )
