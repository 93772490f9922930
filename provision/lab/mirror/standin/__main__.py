"""`python -m conda_standin …`."""

from __future__ import annotations

import os
import sys

from .cli import main

if __name__ == "__main__":
    try:
        code = main()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # rattler's threads may crash the interpreter while it ends
