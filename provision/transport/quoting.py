"""Shell lines that mean the same whatever the login shell is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

__all__ = ["shell_line", "shell_quote"]

# Inside single quotes: csh still expands `!` and cannot hold a newline, fish takes `\` as an
# escape, and no shell can hold `'` itself.
_UNSAFE = frozenset("'\\!\n\r\0")


def shell_quote(words: str | Sequence[str]) -> str:
    """One word, or an argument list, quoted for /bin/sh."""
    return shlex.quote(words) if isinstance(words, str) else shlex.join(words)


def shell_line(script: str) -> str:
    """A line for any login shell (sh, bash, zsh, csh, fish) that runs `script` under /bin/sh.

    The login shell is replaced, so exit status and signals are those of `script`.
    """
    if not _UNSAFE.intersection(script):
        return f"exec /bin/sh -c '{script}'"
    octal = "".join(_printf_char(char) for char in script)
    return f"""exec /bin/sh -c 'eval "$(printf "{octal}")"'"""


def _printf_char(char: str) -> str:
    if char.isascii() and (char.isalnum() or char in " _./:=,+@-;|&<>(){}[]*?~#"):
        return char
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))
