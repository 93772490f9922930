"""`@EXPLICIT` files: one archive's URL a line, with a hash behind `#`."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import CondaError
from .model import Package, split_filename

__all__ = ["is_explicit", "parse_explicit", "parse_url"]

_HASH = re.compile(r"^(?:sha256:)?(?P<sha256>[0-9a-fA-F]{64})$|^(?P<md5>[0-9a-fA-F]{32})$")


def is_explicit(lines: list[str]) -> bool:
    return any(line.strip() == "@EXPLICIT" for line in lines)


def parse_url(line: str) -> Package:
    """Raises ParseError when the line is no package's URL, CondaValueError on a wrong hash."""
    url, _, digest = line.strip().partition("#")
    if "://" not in url:
        url = "file://" + str(Path(url).expanduser().resolve())
    if not url.endswith((".conda", ".tar.bz2")):
        raise CondaError("ParseError", f"Could not parse explicit URL: {line}")
    match = _HASH.match(digest) if digest else None
    if digest and match is None:
        raise CondaError("ParseError", f"Could not parse explicit URL: {line}")
    package = Package(
        url,
        sha256=(match["sha256"] or "").lower() if match else "",
        md5=(match["md5"] or "").lower() if match else "",
    )
    try:
        split_filename(package.filename)
    except ValueError:
        raise CondaError("ParseError", f"Could not parse explicit URL: {line}") from None
    return package


def parse_explicit(lines: list[str]) -> list[Package]:
    return [
        parse_url(line)
        for line in lines
        if line.strip() and not line.startswith("#") and line.strip() != "@EXPLICIT"
    ]
