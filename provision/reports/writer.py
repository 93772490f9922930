"""Writing to standard output without ever disturbing the run that is told of."""

from __future__ import annotations

import contextlib
import os
from typing import TextIO

from provision.errors import ProvisionError

__all__ = ["Writer"]


class Writer:
    """A stream whose reader may go away, whose disk may fill, whose encoding may be poor.

    The first error ends the output and is kept: a run must not stop half-way because nobody
    reads on. `check` raises it when the run is over.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.error: OSError | None = None

    def write(self, text: str) -> None:
        """Writes and flushes."""
        if self.error is not None:
            return
        try:
            try:
                self.stream.write(text)
            except UnicodeEncodeError:
                code = self.stream.encoding
                self.stream.write(text.encode(code, "backslashreplace").decode(code))
            self.stream.flush()
        except OSError as exc:
            self.error = exc
            self._discard()

    def _discard(self) -> None:
        """What is still in the stream's buffer goes nowhere, so that no later flush fails."""
        with contextlib.suppress(OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.stream.fileno())
            os.close(null)

    def check(self) -> None:
        """Raises BrokenPipeError when the reader went away, ProvisionError for the rest."""
        if isinstance(self.error, BrokenPipeError):
            raise self.error
        if self.error is not None:
            raise ProvisionError(
                "the results could not be written",
                why=self.error.strerror or "",
                hint="the run itself went on to its end",
            )
