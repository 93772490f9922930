"""Making way for a new environment, and taking one away."""

from __future__ import annotations

import shutil
from pathlib import Path

from .context import Context
from .errors import CondaError
from .transaction import confirm

__all__ = ["make_way", "remove_prefix", "say_how_to_activate"]


def make_way(context: Context, prefix: Path) -> None:
    """Removes an environment that is there; conda asks first, and takes silence for no.

    A directory that a killed conda left behind is refused.
    """
    if prefix.resolve() == context.root.resolve():
        raise CondaError("CondaValueError", "The target prefix is the base prefix. Aborting.")
    if (prefix / "conda-meta/history").is_file():
        if context.options.get("dry_run"):
            raise CondaError(
                "CondaValueError", "Cannot `create --dry-run` with an existing conda environment"
            )
        confirm(
            context,
            f"WARNING: A conda environment already exists at '{prefix}'\n\n"
            "Remove existing environment?\nThis will remove ALL directories contained within "
            "this specified prefix directory, including any other conda environments.\n\n",
            default="no",
        )
        remove_prefix(prefix)
    elif (prefix / "conda-meta").is_dir():
        raise context.not_an_environment(prefix)
    elif prefix.is_dir() and any(prefix.iterdir()):
        confirm(
            context,
            f"WARNING: A directory already exists at the target location '{prefix}'\n"
            "but it is not a conda environment.\nContinue creating environment",
            default="no",
        )


def remove_prefix(prefix: Path) -> None:
    """A symbolic link goes, and what it points to stays."""
    if prefix.is_symlink():
        prefix.unlink()
    else:
        shutil.rmtree(prefix)
    registered = Path.home() / ".conda/environments.txt"
    if registered.is_file():
        lines = [line for line in registered.read_text().splitlines() if line != str(prefix)]
        registered.write_text("".join(f"{line}\n" for line in lines))


def say_how_to_activate(context: Context, prefix: Path) -> str:
    return (
        "#\n# To activate this environment, use\n#\n"
        f"#     $ conda activate {context.name_of(prefix)}\n#\n"
        "# To deactivate an active environment, use\n#\n#     $ conda deactivate\n\n"
    )
