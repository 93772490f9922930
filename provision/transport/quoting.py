"""Shell lines that mean the same whatever the login shell is."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

__all__ = ["shell_line", "shell_quote"]

# Inside single quotes csh still expands `!`, and fish takes `\` as an escape.
_SPECIAL = re.compile(r"['\\!]")


def shell_quote(words: str | Sequence[str]) -> str:
    """One word, or an argument list, quoted for /bin/sh."""
    return shlex.quote(words) if isinstance(words, str) else shlex.join(words)


def shell_line(script: str) -> str:
    """A line for any login shell (sh, bash, zsh, csh, fish) that runs `script` under /bin/sh.

    The login shell is replaced, so exit status and signals are those of `script`. A script
    of one line is cheaper: csh cannot hold a newline in quotes, and to spell one costs a fork.
    """
    if "\n" not in script and "\r" not in script:
        return f"exec /bin/sh -c {_everywhere(script)}"
    octal = "".join(_printf_char(char) for char in script)
    return f"""exec /bin/sh -c 'eval "$(printf "{octal}")"'"""


def _everywhere(text: str) -> str:
    """Quoted for all shells: what is special to one of them stands outside the quotes."""
    quoted = _SPECIAL.sub(lambda match: f"'\\{match[0]}'", text)
    return f"'{quoted}'"


def _printf_char(char: str) -> str:
    if char.isascii() and (char.isalnum() or char in " _./:=,+@-;|&<>(){}[]*?~#"):
        return char
    return "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "surrogateescape"))
