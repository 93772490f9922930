"""The files of a base environment beside its packages: the `conda` command and its shell part."""

from __future__ import annotations

from pathlib import Path

from provision.lab.mirror.condapkg import PLACEHOLDER

__all__ = ["write_prefix_files"]

_CONDA = f"""#!{PLACEHOLDER}/bin/python
# A stand-in for conda; see conda_standin.
import os
import sys

from conda_standin.cli import main

try:
    code = main()
except SystemExit as stop:
    code = stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(code)
"""

_PROFILE = f"""export CONDA_EXE='{PLACEHOLDER}/bin/conda'
export _CE_M=''
export _CE_CONDA=''
export CONDA_PYTHON_EXE='{PLACEHOLDER}/bin/python'

__conda_activate() {{
    __conda_lines="$("$CONDA_EXE" shell.posix "$@")" || return
    eval "$__conda_lines"
    unset __conda_lines
    hash -r 2>/dev/null || true
}}

conda() {{
    case "${{1-}}" in
        activate|deactivate) __conda_activate "$@" ;;
        *) "$CONDA_EXE" "$@" ;;
    esac
}}

if [ -z "${{CONDA_SHLVL+x}}" ]; then
    export CONDA_SHLVL=0
    PATH="{PLACEHOLDER}/condabin${{PATH:+":${{PATH}}"}}"
    export PATH
fi
"""

_ACTIVATE = f"""#!/bin/sh
# To be sourced: . {PLACEHOLDER}/bin/activate [ENVIRONMENT]
. "{PLACEHOLDER}/etc/profile.d/conda.sh"
conda activate "${{1:-base}}"
"""


def write_prefix_files(root: Path) -> None:
    """Lays them out under `root`, with the placeholder prefix in them."""
    for name, text, mode in (
        ("bin/conda", _CONDA, 0o755),
        ("bin/activate", _ACTIVATE, 0o755),
        ("etc/profile.d/conda.sh", _PROFILE, 0o644),
    ):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
    (root / "condabin").mkdir(exist_ok=True)
    (root / "condabin/conda").symlink_to("../bin/conda")
