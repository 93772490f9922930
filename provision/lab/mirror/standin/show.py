"""`conda list` and `conda info`."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from pathlib import Path
from typing import Any

from . import version
from .context import Context
from .environment import pip_packages, read_records
from .known import describe_prefixes
from .output import write_json
from .solver import virtual_packages

__all__ = ["info", "list_packages"]


def list_packages(context: Context) -> None:
    """With --explicit, pip's packages are left out without a word, as conda does."""
    prefix = context.target()
    records = read_records(prefix)
    pattern = context.options.get("regex")
    if context.options.get("explicit"):
        _explicit(context, records)
        return
    rows: list[dict[str, Any]] = [
        {
            "base_url": record["channel"].rpartition("/")[0],
            "build_number": record["build_number"],
            "build_string": record["build"],
            "channel": context.canonical(record["channel"]),
            "dist_name": f"{record['name']}-{record['version']}-{record['build']}",
            "name": record["name"],
            "platform": record["subdir"],
            "version": record["version"],
        }
        for record in records
    ]
    if not context.options.get("no_pip"):
        rows += [
            {
                "base_url": f"{str(context.setting('channel_alias')).rstrip('/')}/pypi",
                "build_number": 0,
                "build_string": "pypi_0",
                "channel": "pypi",
                "dist_name": f"{name}-{number}-pypi_0",
                "name": name,
                "platform": "pypi",
                "version": number,
            }
            for name, number in pip_packages(prefix, records)
        ]
    rows.sort(key=lambda row: str(row["name"]))
    if pattern:
        exact = context.options.get("full_name")
        rows = [
            row
            for row in rows
            if (row["name"] == pattern if exact else re.search(pattern, row["name"]))
        ]
    if context.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
        return
    if context.options.get("export"):
        sys.stdout.write(
            f"# This file may be used to create an environment using:\n"
            f"# $ conda create --name <env> --file <this file>\n"
            f"# platform: {context.setting('subdir')}\n"
        )
        for row in rows:
            sys.stdout.write(f"{row['name']}={row['version']}={row['build_string']}\n")
        return
    sys.stdout.write(
        f"# packages in environment at {prefix}:\n#\n"
        f"# {'Name':<23} {'Version':<15} {'Build':>15}  Channel\n"
    )
    for row in rows:
        sys.stdout.write(
            f"{row['name']:<25} {row['version']:<15} {row['build_string']:>15}  {row['channel']}\n"
        )


def _explicit(context: Context, records: list[dict[str, Any]]) -> None:
    sys.stdout.write(
        "# This file may be used to create an environment using:\n"
        "# $ conda create --name <env> --file <this file>\n"
        f"# platform: {context.setting('subdir')}\n"
        f"# created-by: conda {version()}\n@EXPLICIT\n"
    )
    for record in records:
        url = record["url"]
        if context.options.get("sha256"):
            url += f"#{record['sha256']}"
        elif context.options.get("md5"):
            url += f"#{record['md5']}"
        sys.stdout.write(f"{url}\n")


def _rc_paths(context: Context) -> list[str]:
    return [source.name for source in context.sources if source.name not in ("envvars", "cmd_line")]


def info(context: Context) -> None:
    """`conda info [--json] [--base] [--envs]`."""
    if context.options.get("base"):
        sys.stdout.write(
            json.dumps({"root_prefix": str(context.root)}) + "\n"
            if context.json
            else f"{context.root}\n"
        )
        return
    if context.options.get("envs") and context.json:
        write_json(describe_prefixes(context))
        return
    if context.options.get("envs"):
        from .envs import env_list

        env_list(context)
        return
    active = os.environ.get("CONDA_PREFIX")
    subdirs = (context.setting("subdir"), "noarch")
    details: dict[str, Any] = {
        "GID": os.getgid(),
        "UID": os.getuid(),
        "active_prefix": active,
        "active_prefix_name": context.name_of(Path(active)) if active else None,
        "av_data_dir": str(context.root / "etc/conda"),
        "av_metadata_url_base": None,
        "channels": [f"{channel}/{subdir}" for channel in context.channels() for subdir in subdirs],
        "conda_build_version": "not installed",
        "conda_env_version": version(),
        "conda_location": str(Path(__file__).parent),
        "conda_prefix": str(context.root),
        "conda_shlvl": int(os.environ.get("CONDA_SHLVL", "-1")),
        "conda_version": version(),
        "config_files": _rc_paths(context),
        "default_prefix": active or str(context.root),
        "env_vars": _environment(),
        **describe_prefixes(context),
        "envs_dirs": [str(folder) for folder in context.envs_dirs],
        "netrc_file": None,
        "offline": context.offline,
        "pkgs_dirs": [str(folder) for folder in context.pkgs_dirs],
        "platform": context.setting("subdir"),
        "python_version": ".".join(map(str, (*sys.version_info[:3], *sys.version_info[3:]))),
        "rc_path": str(Path.home() / ".condarc"),
        "requests_version": "not installed",
        "root_prefix": str(context.root),
        "root_writable": os.access(context.root / "conda-meta", os.W_OK),
        "site_dirs": [],
        "solver": {
            "default": True,
            "name": str(context.setting("solver")),
            "user_agent": f"solver/{context.setting('solver')}",
        },
        "sys.executable": sys.executable,
        "sys.prefix": sys.prefix,
        "sys.version": sys.version,
        "sys_rc_path": str(context.root / ".condarc"),
        "user_agent": f"conda/{version()} (stand-in) Linux/{platform.release()}",
        "user_rc_path": str(Path.home() / ".condarc"),
        "virtual_pkgs": [list(item) for item in virtual_packages()],
    }
    if context.json:
        write_json(details)
        return
    access = "writable" if details["root_writable"] else "read only"
    shown = (
        ("active environment", active or "None"),
        ("conda version", version()),
        ("python version", details["python_version"]),
        (
            "virtual packages",
            "\n                          ".join("=".join(item) for item in details["virtual_pkgs"]),
        ),
        ("base environment", f"{context.root}  ({access})"),
        ("channel URLs", "\n                          ".join(details["channels"])),
        ("package cache", "\n                          ".join(details["pkgs_dirs"])),
        ("envs directories", "\n                          ".join(details["envs_dirs"])),
        ("platform", details["platform"]),
        ("user-agent", details["user_agent"]),
        ("UID:GID", f"{details['UID']}:{details['GID']}"),
        ("offline mode", str(details["offline"])),
    )
    sys.stdout.write("\n" + "".join(f"{name:>23} : {value}\n" for name, value in shown) + "\n")


def _environment() -> dict[str, str]:
    return {
        key: value
        for key, value in sorted(os.environ.items())
        if key.startswith(("CONDA", "PIP_", "PYTHON")) or key in ("PATH", "CIO_TEST")
    }
