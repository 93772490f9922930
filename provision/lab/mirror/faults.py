"""Faults on request, and a log of what was asked: for tests of whoever installs from the mirror.

`DIR/faults.json` holds a list of rules and is read anew for every request:

    {"path_regex": "\\\\.conda$", "status": 500, "count": 2}

path_regex  searched in the path, without the query
status      answer with that status and no file
truncate    send that many bytes of the body, then close the connection
corrupt     true: change one byte in the middle of the body
delay_s     wait before the answer
count       how many requests the rule serves; without it, all
"""

from __future__ import annotations

import json
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["AccessLog", "Fault", "Faults"]


@dataclass(frozen=True, slots=True)
class Fault:
    path_regex: str
    status: int | None = None
    truncate: int | None = None
    corrupt: bool = False
    delay_s: float = 0.0
    count: int | None = None


class Faults:
    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._served: dict[int, int] = {}
        self._seen: tuple[int, int] | None = None

    def match(self, path: str) -> Fault | None:
        """The first rule for `path` that is not used up; a broken file has no rules."""
        try:
            state = self._file.stat()
            data = json.loads(self._file.read_text(encoding="utf-8"))
            rules = [_rule(item) for item in (data if isinstance(data, list) else [data])]
        except (OSError, ValueError, TypeError, KeyError, re.error):
            return None
        with self._lock:
            seen = (state.st_mtime_ns, state.st_ino)
            if seen != self._seen:
                self._seen, self._served = seen, {}
            for number, rule in enumerate(rules):
                used = self._served.get(number, 0)
                if re.search(rule.path_regex, path) and (rule.count is None or used < rule.count):
                    self._served[number] = used + 1
                    return rule
        return None


def _rule(item: dict[str, Any]) -> Fault:
    re.compile(item["path_regex"])
    return Fault(**item)


class AccessLog:
    """`DIR/access.jsonl`: one object a request with time, client, method, path, status, bytes."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def write(self, client: str, method: str, path: str, status: int, size: int) -> None:
        line = json.dumps(
            {
                "time": round(time.time(), 3),
                "client": client,
                "method": method,
                "path": path,
                "status": status,
                "bytes": size,
            }
        )
        with self._lock, self._file.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
