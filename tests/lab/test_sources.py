"""The Debian archive is read from apt's own configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from provision.errors import LabError
from provision.lab.sources import AptSource, debian_archives, parse_deb822, parse_one_line

DEB822 = """\
# of this machine
Types: deb deb-src
URIs: http://mirror.test/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /etc/apt/keys/a.gpg

Types: deb
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.test/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://source.test/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://inline.test/other
Suites: trixie
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
"""

ONE_LINE = """\
# deb http://commented.test/debian bookworm main
deb [arch=amd64 signed-by=/etc/apt/keys/b.gpg] http://line.test/debian/ bookworm main non-free # x
deb-src http://line.test/debian bookworm main
deb http://line.test/security bookworm-security main
"""


def test_deb822_gives_one_source_a_suite() -> None:
    assert list(parse_deb822(DEB822)) == [
        AptSource(
            "http://mirror.test/debian", "bookworm", ("main", "contrib"), "/etc/apt/keys/a.gpg"
        ),
        AptSource(
            "http://mirror.test/debian",
            "bookworm-updates",
            ("main", "contrib"),
            "/etc/apt/keys/a.gpg",
        ),
        AptSource("http://mirror.test/debian-security", "bookworm-security", ("main",)),
        AptSource("http://inline.test/other", "trixie", ("main",)),
    ]


def test_one_line_format_with_options_and_comments() -> None:
    assert list(parse_one_line(ONE_LINE)) == [
        AptSource(
            "http://line.test/debian", "bookworm", ("main", "non-free"), "/etc/apt/keys/b.gpg"
        ),
        AptSource("http://line.test/security", "bookworm-security", ("main",)),
    ]


def apt_root(tmp_path: Path, text: str, name: str) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return tmp_path


def test_archives_come_from_the_first_debian_suite(tmp_path: Path) -> None:
    keyring = tmp_path / "k.gpg"
    keyring.write_text("")
    vendor = "deb http://vendor.test/apt nodistro main\n"
    debian = DEB822.replace("/etc/apt/keys/a.gpg", str(keyring))
    root = apt_root(tmp_path, vendor, "sources.list.d/vendor.list")
    root = apt_root(tmp_path, debian, "sources.list.d/debian.sources")
    found = debian_archives(root)
    assert found.main == "http://mirror.test/debian"
    assert found.security == "http://mirror.test/debian-security"
    assert found.keyring == keyring


def test_a_machine_without_debian_sources_is_told_so(tmp_path: Path) -> None:
    root = apt_root(tmp_path, "deb http://vendor.test/apt nodistro main\n", "sources.list")
    with pytest.raises(LabError, match="no Debian archive is configured") as caught:
        debian_archives(root)
    assert str(root) in caught.value.why
