"""A stand-in for the `conda` command, for machines that cannot download the vendor's.

It runs on hosts of the lab, inside the base environment of the stand-in Miniconda, and needs
only py-rattler and PyYAML there. It covers what `provision` calls and behaves there as conda
does, awkward parts included; docs/lab-mirror.md says what it covers.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["version"]


def version() -> str:
    """The conda release that this copy claims to be."""
    file = Path(__file__).with_name("VERSION")
    return file.read_text().strip() if file.is_file() else "26.7.1"
