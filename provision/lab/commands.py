"""Runs the machine's own tools and turns their failures into errors a person can act on."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provision.errors import LabError, LabUnavailable

__all__ = ["Commands"]

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


@dataclass(frozen=True, slots=True)
class Commands:
    """Short-lived commands. `hold` are lock descriptors that every child inherits, so that
    the lock is free only when a killed run's last child has ended too."""

    hold: tuple[int, ...] = ()

    def run(
        self,
        argv: Sequence[str],
        *,
        text: str = "",
        timeout_s: float = 60.0,
        environment: Mapping[str, str] | None = None,
        what: str = "",
    ) -> str:
        """Standard output of `argv`, which reads `text`. Raises LabError on any failure."""
        what = what or f"{argv[0]} failed"
        try:
            done = subprocess.run(
                argv,
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                env={**_base_environment(), **(environment or {})},
                pass_fds=self.hold,
                check=False,
            )
        except FileNotFoundError as exc:
            raise LabUnavailable(f"{argv[0]} is not installed") from exc
        except subprocess.TimeoutExpired as exc:
            raise LabError(what, why=f"no end after {timeout_s:.0f} s") from exc
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-2000:]
            raise LabError(what, why=said or f"exit code {done.returncode}")
        return done.stdout

    def try_run(self, argv: Sequence[str], *, timeout_s: float = 60.0) -> bool:
        """Whether `argv` ended well; for clean-up, where a failure is looked at afterwards."""
        try:
            self.run(argv, timeout_s=timeout_s)
        except LabError:
            return False
        return True


def _base_environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
    return {**_ENVIRONMENT, "LC_ALL": "C.UTF-8", "HOME": "/root", **kept}
