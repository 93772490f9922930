"""Times commands as whole processes and prints them as ratios."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Sample", "best", "run", "table"]


@dataclass(slots=True)
class Sample:
    """One run: wall and CPU seconds of the controller, its peak memory in MB."""

    wall_s: float
    cpu_s: float = 0.0
    peak_mb: float = 0.0
    rc: int = 0
    output: str = field(default="", repr=False)


def _plain_environment() -> dict[str, str]:
    """Ours without what would slow Python programs down, peers and provision alike."""
    odd = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONDEVMODE")
    return {name: value for name, value in os.environ.items() if name not in odd}


def run(
    argv: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Sample:
    """Runs a command to its end, output kept."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    words = [str(word) for word in argv]
    child = subprocess.Popen(
        words,
        cwd=cwd,
        env={**_plain_environment(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = child.communicate()
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Sample(wall, cpu, 0.0, child.returncode, output)


def peak_mb(argv: Sequence[str | Path], *, cwd: Path | None = None) -> float:
    """Peak memory of one command, from a child of its own so that it is not the maximum of all."""
    code = (
        "import resource,subprocess,sys;"
        "subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss/1024)"
    )
    words = [sys.executable, "-c", code, *(str(word) for word in argv)]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=True)
    return float(done.stdout)


def best(times: int, once: Callable[[], Sample]) -> Sample:
    """The fastest of several runs: what the work costs when nothing else disturbs it."""
    samples = [once() for _ in range(times)]
    for sample in samples:
        if sample.rc not in (0, 3):
            sys.stderr.write(sample.output[-3000:])
            raise SystemExit(f"a benchmarked command ended with {sample.rc}")
    return min(samples, key=lambda sample: sample.wall_s)


def median(times: int, once: Callable[[], Sample]) -> float:
    return statistics.median(once().wall_s for _ in range(times))


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they need; the first left, the others right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
