"""rpm_key against a stand-in for rpm that keeps keys as rpm 4.18 prints and names them
(`rpm -q gpg-pubkey`: the armour as description, the package named after the last 8 digits)."""

from __future__ import annotations

import pytest

from tests.actions.converging import converges
from tests.actions.test_apt_sources import armoured, fingerprint
from tests.actions.walled import WalledHost

_RPM = """
ring=/var/rpmkeys; mkdir -p $ring
case $1 in
-q) cat $ring/* 2>/dev/null || { echo 'package gpg-pubkey is not installed'; exit 1; } ;;
--import) cp "$2" $ring/gpg-pubkey-$(cat /var/short) ;;
--erase) rm $ring/$3 ;;
esac
"""


@pytest.fixture
def host(walled: WalledHost) -> WalledHost:
    walled.write("/srv/key.asc", armoured(walled))
    walled.write("/var/short", fingerprint(walled)[-8:].lower())
    walled.program("rpm", _RPM)
    return walled


def test_a_key_from_an_address_and_by_its_id(host: WalledHost) -> None:
    key = "file:///srv/key.asc"
    assert converges(host, "rpm_key", key=key) == {"state": ("absent", "present")}
    host.calls()
    converges(host, "rpm_key", key=fingerprint(host)[-8:], state="absent")
    erase = f"rpm --erase --allmatches gpg-pubkey-{host.read('/var/short')}"
    assert erase in host.calls()


def test_the_fingerprint_has_to_fit(host: WalledHost) -> None:
    mine = fingerprint(host)
    spaced = " ".join(mine[at : at + 4] for at in range(0, 40, 4))
    assert host.run("rpm_key", key="/srv/key.asc", fingerprint="0" * 40).status == "failed"
    assert host.run("rpm_key", key="/srv/key.asc", fingerprint=[spaced]).status == "changed"


def test_a_key_that_is_none(host: WalledHost) -> None:
    host.write("/srv/none", "hello")
    outcome = host.run("rpm_key", key="/srv/none")
    assert outcome.status == "failed"
    assert "Not a valid key /srv/none" in outcome.msg
    assert host.run("rpm_key", key="/srv/later", check=True).status == "unknown"
