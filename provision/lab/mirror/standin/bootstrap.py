"""The last step of the installer: `python -m conda_standin.bootstrap PREFIX`.

It runs on the python that lies unpacked in PREFIX/pkgs, links every package listed in
PREFIX/pkgs/base.txt into PREFIX and writes what a fresh installation has.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .context import Context
from .environment import read_records
from .explicit import parse_explicit
from .linker import unlink
from .transaction import Transaction

__all__ = ["main"]


def main(prefix: Path) -> None:
    context = Context({"yes": True, "offline": True})
    context.__dict__["root"] = prefix
    context.__dict__["pkgs_dirs"] = [prefix / "pkgs"]
    packages = parse_explicit((prefix / "pkgs/base.txt").read_text().splitlines())
    names = {package.name for package in packages}
    meta = prefix / "conda-meta"
    old = [
        record
        for record in (read_records(prefix) if meta.is_dir() else [])
        if record["name"] in names
    ]
    for record in old:
        unlink(prefix, record)
    sys.argv = ["constructor"]
    Transaction(context, prefix, packages, specs=["conda", "pip", "python"]).run()
    rc = prefix / ".condarc"
    if not rc.exists():
        rc.write_text("channels:\n  - defaults\n")
    (prefix / "envs").mkdir(exist_ok=True)
    (prefix / "pkgs/base.txt").unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
