"""`python -m provision.lab.mirror_starter DIR ADDRESS PORT`: starts a mirror and ends.

A process of its own, so that the mirror becomes nobody's child and outlives the command, or
the test session, that wanted it. An error is one JSON object on standard error.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from provision.errors import ProvisionError
from provision.lab.mirror import Mirror

__all__ = ["main"]


def main(directory: str, address: str, port: str) -> int:
    try:
        Mirror().start(Path(directory), address, int(port))
    except ProvisionError as exc:
        json.dump({"what": exc.what, "why": exc.why, "hint": exc.hint}, sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
