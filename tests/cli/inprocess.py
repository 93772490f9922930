"""Runs the command line in this process, as its entry point does."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass

import pytest
from provision.cli import main

__all__ = ["Output", "provision"]


@dataclass(frozen=True)
class Output:
    code: int
    out: str
    err: str


class _Stream(io.TextIOWrapper):
    def text(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


def provision(*args: str, stdin: bytes = b"") -> Output:
    """What `provision ARGS` prints, and its exit code. There is no terminal."""
    out, err = (_Stream(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["provision", *args])
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        patch.setattr(sys, "stdout", out)
        patch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code
    return Output(code if isinstance(code, int) else 0, out.text(), err.text())
