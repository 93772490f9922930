"""Where this machine gets its Debian packages: apt's own configuration, both formats."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from provision.errors import LabError

__all__ = ["AptSource", "DebianArchives", "debian_archives", "parse_deb822", "parse_one_line"]

_SUITES = {
    *("buster", "bullseye", "bookworm", "trixie", "forky", "sid"),
    *("oldoldstable", "oldstable", "stable", "testing", "unstable"),
}
_KEYRINGS = (
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
)


@dataclass(frozen=True, slots=True)
class AptSource:
    """One line of binary packages: `uri` without a trailing slash."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""


@dataclass(frozen=True, slots=True)
class DebianArchives:
    """URIs without a trailing slash; `security` is empty when none is configured."""

    main: str
    security: str
    keyring: Path


def parse_one_line(text: str) -> Iterator[AptSource]:
    """Entries of a `sources.list`."""
    pattern = re.compile(r"^\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>[^#]+)")
    for line in text.splitlines():
        if not (match := pattern.match(line)):
            continue
        uri, suite, *components = match["rest"].split()
        signed = re.search(r"signed-by=(\S+)", match["options"] or "", re.IGNORECASE)
        yield AptSource(
            uri.rstrip("/"), suite, tuple(components), signed[1].split(",")[0] if signed else ""
        )


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    last = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, last = {}, ""
        elif line[0].isspace() and last:
            fields[last] += "\n" + line.strip()
        elif ":" in line:
            name, value = line.split(":", 1)
            last = name.strip().lower()
            fields[last] = value.strip()


def parse_deb822(text: str) -> Iterator[AptSource]:
    """Entries of a `.sources` file; disabled ones are left out."""
    for stanza in _stanzas(text):
        if "deb" not in stanza.get("types", "").split():
            continue
        if stanza.get("enabled", "yes").lower() in ("no", "false", "0"):
            continue
        signed = stanza.get("signed-by", "").split("\n")[0].split()
        keyring = signed[0] if signed and signed[0].startswith("/") else ""
        for uri in stanza.get("uris", "").split():
            for suite in stanza.get("suites", "").split():
                components = tuple(stanza.get("components", "").split())
                yield AptSource(uri.rstrip("/"), suite, components, keyring)


def _configured(root: Path) -> Iterator[AptSource]:
    parts = root / "sources.list.d"
    for path in [root / "sources.list", *sorted(parts.glob("*.list"))]:
        if path.is_file():
            yield from parse_one_line(path.read_text(encoding="utf-8", errors="replace"))
    for path in sorted(parts.glob("*.sources")):
        yield from parse_deb822(path.read_text(encoding="utf-8", errors="replace"))


def debian_archives(root: Path = Path("/etc/apt")) -> DebianArchives:
    """The Debian archive this machine uses. Raises LabError when apt knows none."""
    sources = list(_configured(root))
    main = next((s for s in sources if s.suite in _SUITES and "main" in s.components), None)
    if main is None:
        raise LabError(
            "no Debian archive is configured on this machine",
            why=f"{root} names no source with a Debian suite and the component main",
            hint="add the archive to apt's sources; lab hosts are built from it",
        )
    security = next((s for s in sources if s.suite.endswith("-security")), None)
    candidates = [main.signed_by, *_KEYRINGS]
    keyring = next((path for path in candidates if path and Path(path).is_file()), "")
    if not keyring:
        raise LabError(
            "no keyring for the Debian archive",
            why=f"none of {', '.join(filter(None, candidates))} exists",
            hint="apt-get install debian-archive-keyring",
        )
    return DebianArchives(main.uri, security.uri if security else "", Path(keyring))
