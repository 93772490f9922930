"""What goes to standard output."""

from __future__ import annotations

import json
import sys
from typing import Any

__all__ = ["write_json"]


def write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True) + "\n")
