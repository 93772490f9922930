"""apt_repository, deb822_repository and apt_key: apt's files are real, the downloads go to a
repository on this machine or to a stand-in of apt-get."""

from __future__ import annotations

from typing import Any

import pytest
from provision.errors import PlaybookError

from tests.actions.converging import converges
from tests.actions.harness import ActionHost
from tests.actions.walled import WalledHost

LIST = "/etc/apt/sources.list.d"
REPO = "deb [arch=amd64 signed-by=/x.gpg] https://me:pw@apt.example.org/debian/ stable main"
FILE = f"{LIST}/apt_example_org_debian.list"


@pytest.fixture
def host(walled: WalledHost) -> WalledHost:
    walled.sh(
        f"rm -rf {LIST}/* /etc/apt/trusted.gpg*; mkdir -p {LIST} /etc/apt/trusted.gpg.d; "
        ": > /etc/apt/sources.list"
    )
    walled.program("apt-get", "")
    return walled


def test_a_line_is_added_and_removed(host: WalledHost) -> None:
    diff = converges(host, "apt_repository", repo=REPO)
    assert diff == {"content": (None, REPO + "\n")}
    assert host.read(FILE) == REPO + "\n"
    (call,) = host.calls()
    assert call.startswith("apt-get ")
    assert call.endswith(" update")
    converges(host, "apt_repository", repo=REPO, state="absent", update_cache=False)
    assert not host.path(FILE).exists()
    assert host.calls() == []


def test_returned_values(host: WalledHost) -> None:
    outcome = host.run("apt_repository", repo=REPO, filename="tools", mode="0600")
    assert outcome.data["repo"] == REPO
    assert outcome.data["sources_added"] == [f"{LIST}/tools.list"]
    assert host.path(f"{LIST}/tools.list").stat().st_mode & 0o777 == 0o600


def test_a_line_that_is_there_somewhere(host: WalledHost) -> None:
    host.write("/etc/apt/sources.list", "deb  [ arch=amd64 ] http://a  stable  main # ours\n")
    task: dict[str, Any] = {"repo": "deb [arch=amd64] http://a stable main", "filename": "b"}
    assert host.run("apt_repository", **task).status == "ok"
    assert host.calls() == []


def test_a_comment_comes_to_life(host: WalledHost) -> None:
    host.write(f"{LIST}/b.list", "# deb http://a stable main\ndeb http://b stable main\n")
    converges(host, "apt_repository", repo="deb http://a stable main")
    assert host.read(f"{LIST}/b.list") == "deb http://a stable main\ndeb http://b stable main\n"


def test_a_source_that_cannot_be_fetched_is_taken_back(host: WalledHost) -> None:
    host.program("apt-get", "echo 'E: The repository has no Release file.' >&2; exit 100")
    outcome = host.run("apt_repository", repo=REPO, update_cache_retries=1)
    assert outcome.status == "failed"
    assert "Failed to update apt cache" in outcome.msg
    assert "no Release file" in outcome.msg
    assert not host.path(FILE).exists()


def test_no_line_of_a_source(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="Invalid repository string"):
        here.run("apt_repository", repo="http://a stable main")


def test_a_ppa_through_the_hosts_program(host: WalledHost) -> None:
    host.program(
        "add-apt-repository",
        f'if [[ "$*" == *--remove* ]]; then rm {LIST}/p.list; else '
        f"echo 'deb http://ppa.example.org/team/gpu/ubuntu noble main' > {LIST}/p.list; fi",
    )
    converges(host, "apt_repository", repo="ppa:team/gpu")
    assert host.calls()[0] == "add-apt-repository --yes --no-update ppa:team/gpu"
    converges(host, "apt_repository", repo="ppa:team/gpu", state="absent")


# -- deb822_repository ----------------------------------------------------------------

SOURCES = f"{LIST}/tools.sources"
DEB822: dict[str, Any] = {"name": "tools", "uris": "https://apt.example.org/debian"}


def test_a_file_of_sources(host: WalledHost) -> None:
    diff = converges(
        host, "deb822_repository", **DEB822, types=["deb", "deb-src"], suites="stable",
        components="main,contrib", architectures="amd64", signed_by="/etc/apt/keyrings/x.gpg",
        enabled=True, allow_insecure=False,
    )  # fmt: skip
    text = (
        "Allow-Insecure: no\nArchitectures: amd64\nComponents: main contrib\nEnabled: yes\n"
        "X-Repolib-Name: tools\nSigned-By: /etc/apt/keyrings/x.gpg\nSuites: stable\n"
        "Types: deb deb-src\nURIs: https://apt.example.org/debian\n"
    )
    assert diff == {"content": (None, text), "mode": (None, "0644")}
    assert host.path(SOURCES).stat().st_mode & 0o777 == 0o644
    outcome = host.run("deb822_repository", **DEB822, suites="testing", components="main")
    assert outcome.data["dest"] == SOURCES
    assert outcome.data["repo"] == host.read(SOURCES)
    assert outcome.data["key_filename"] is None
    converges(host, "deb822_repository", name="tools", state="absent")
    assert not host.path(SOURCES).exists()


def test_the_key_in_the_file_itself(host: WalledHost) -> None:
    key = armoured(host)
    converges(host, "deb822_repository", **DEB822, suites="stable", signed_by=key)
    assert "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n" in host.read(SOURCES)
    real = host.sh("apt-get indextargets 2>&1 || /usr/bin/apt-get indextargets 2>&1")
    assert "Malformed" not in real


def test_the_key_from_an_address(host: WalledHost) -> None:
    host.write("/srv/key.asc", armoured(host))
    task = {**DEB822, "suites": "stable", "signed_by": "file:///srv/key.asc"}
    diff = converges(host, "deb822_repository", **task)
    assert "/etc/apt/keyrings/tools.asc" in diff
    assert "Signed-By: /etc/apt/keyrings/tools.asc\n" in host.read(SOURCES)
    converges(host, "deb822_repository", name="tools", signed_by=task["signed_by"], state="absent")
    assert not host.path("/etc/apt/keyrings/tools.asc").exists()


# -- apt_key --------------------------------------------------------------------------


def armoured(host: WalledHost) -> str:
    """A new key with a subkey."""
    host.sh(
        "export GNUPGHOME=/root/gnupg; mkdir -m 700 -p $GNUPGHOME; gpg --batch --passphrase '' "
        "--quick-gen-key t@example.org rsa2048 default never 2>/dev/null; gpgconf --kill all"
    )
    return host.sh("GNUPGHOME=/root/gnupg gpg --armor --export t@example.org") + "\n"


def fingerprint(host: WalledHost) -> str:
    listed = host.sh("GNUPGHOME=/root/gnupg gpg --with-colons --list-keys t@example.org")
    return next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))


def test_a_key_is_added_and_removed(host: WalledHost) -> None:
    key = armoured(host)
    name = fingerprint(host)
    diff = converges(host, "apt_key", data=key)
    assert diff == {"state": ("absent", "present")}
    trusted = f"/etc/apt/trusted.gpg.d/{name[-16:]}.gpg"
    shown = host.sh(f"gpg --no-default-keyring --keyring {trusted} --with-colons --list-keys")
    assert name in shown
    assert host.run("apt_key", id=name[-8:], data=key).status == "ok"
    converges(host, "apt_key", id="0x" + name[-16:].lower(), state="absent")
    assert not host.path(trusted).exists()


def test_a_key_among_others_is_removed_alone(host: WalledHost) -> None:
    armoured(host)
    one = fingerprint(host)
    host.sh("GNUPGHOME=/root/gnupg gpg --batch --passphrase '' --quick-gen-key b 2>/dev/null")
    ring = "/etc/apt/trusted.gpg.d/both.gpg"
    host.sh(f"GNUPGHOME=/root/gnupg gpg --export > {ring}; gpgconf --kill all")
    converges(host, "apt_key", id=one, state="absent")
    shown = host.sh(f"gpg --no-default-keyring --keyring {ring} --with-colons --list-keys")
    assert shown.count("pub:") == 1
    assert one not in shown


def test_a_key_in_a_ring_of_its_own_from_an_address(host: WalledHost) -> None:
    host.write("/srv/key.asc", armoured(host))
    task = {"url": "file:///srv/key.asc", "keyring": "/etc/apt/keyrings/own.gpg"}
    converges(host, "apt_key", **task)
    assert host.path(task["keyring"]).exists()


def test_another_key_than_the_id_says(host: WalledHost) -> None:
    outcome = host.run("apt_key", id="0123456789ABCDEF", data=armoured(host))
    assert outcome.status == "failed"
    assert "0123456789ABCDEF" in outcome.msg


def test_data_that_is_no_key(host: WalledHost) -> None:
    outcome = host.run("apt_key", data="<html>not found</html>")
    assert outcome.status == "failed"
    assert "no OpenPGP key" in outcome.msg
