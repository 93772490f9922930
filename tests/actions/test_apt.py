"""apt and package: on real hosts, and dpkg's versions and database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from provision.agent import dpkg
from provision.errors import PlaybookError

from tests.actions.conftest import RealHost
from tests.actions.converging import converges
from tests.actions.harness import ActionHost

STATUS = """Package: one
Status: install ok installed
Architecture: amd64
Version: 1.2-3
Provides: virtual-one (= 1), other

Package: two
Status: deinstall ok config-files
Architecture: all
Version: 2

Package: lib
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 5

Package: lib
Status: hold ok installed
Architecture: i386
Version: 4
"""


@pytest.fixture
def database(tmp_path: Path) -> dpkg.Database:
    path = tmp_path / "status"
    path.write_text(STATUS)
    return dpkg.Database(str(path))


def test_the_database_tells_what_is_installed(database: dpkg.Database) -> None:
    assert database.installed() == {"one": "1.2-3", "lib:amd64": "5", "lib:i386": "4"}
    assert database.version("one") == "1.2-3"
    assert database.version("two") is None
    assert database.version("lib", "i386") == "4"
    assert database.version("lib", "arm64") is None
    assert database.leftovers("two")
    assert not database.leftovers("one")
    assert database.providers("virtual-one") == ["one"]
    assert database.providers("virtual") == []


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("1.0", "1.1"),
        ("1.9", "1.10"),
        ("1.0~rc1", "1.0"),
        ("1.0~~", "1.0~"),
        ("1.0", "1.0a"),
        ("1.0a", "1.0+b"),
        ("1.0-1", "1.0-2"),
        ("1.0-1", "1.0-1+deb12u1"),
        ("2.0", "1:1.0"),
        ("1.0-1~bpo12+1", "1.0-1"),
        ("20230311+deb12u1", "20250419~deb12u2"),
        ("1.0.0", "1.0.a"),
    ],
)
def test_versions_are_ordered_as_dpkg_orders_them(low: str, high: str) -> None:
    assert dpkg.compare(low, high) == -1
    assert dpkg.compare(high, low) == 1
    assert dpkg.compare(low, low) == 0


def test_versions_that_are_the_same() -> None:
    assert dpkg.compare("1.0", "0:1.0-0") == 0
    assert dpkg.fits("1.2-3", "=", "1.2*")
    assert not dpkg.fits("1.2-3", "=", "1.2")
    assert dpkg.fits("1.10", ">=", "1.9")


def test_a_file_or_names(here: ActionHost) -> None:
    with pytest.raises(PlaybookError, match="not both"):
        here.run("apt", name="a", deb="b.deb")
    with pytest.raises(PlaybookError, match="cannot be a package"):
        here.run("apt", name=["-o", "x"])


@pytest.fixture
def host(real: RealHost) -> Iterator[ActionHost]:
    made = real()
    made.run("apt", name=["hello", "tree"], state="absent", purge=True)
    yield made
    made.run("apt", name=["hello", "tree"], state="absent", purge=True)


@pytest.mark.lab
@pytest.mark.slow
def test_installing_and_removing(host: ActionHost) -> None:
    host.run("apt", update_cache=True, cache_valid_time=86400)
    diff = converges(host, "apt", name=["hello", "tree"])
    assert set(diff) == {"hello", "tree"}
    version = host.run("command", argv=["dpkg-query", "-W", "-f", "${Version}", "tree"])
    assert diff["tree"] == (None, version.data["stdout"])
    assert host.run("apt", name=["hello"], state="latest").status == "ok"
    assert host.run("apt", name="hello=2.*").status == "ok"
    assert host.run("apt", name="hello>=2.0").status == "ok"
    assert host.run("package", name="hello").status == "ok"
    assert host.run("apt", name="hello>=99", check=True).status == "failed"
    diff = converges(host, "apt", name="hell*", state="absent")
    assert diff["hello"][1] is None
    converges(host, "package", name="tree", state="absent")


@pytest.mark.lab
def test_no_program_runs_when_all_is_there(host: ActionHost) -> None:
    outcome = host.run("apt", name=["bash", "awk", "coreutils"], update_cache=True)
    assert (outcome.status, outcome.data["cache_updated"]) == ("ok", False)
    assert "stdout" not in outcome.data


@pytest.mark.lab
def test_a_package_file(host: ActionHost) -> None:
    build = (
        "rm -rf /tmp/prv-deb; mkdir -p /tmp/prv-deb/DEBIAN; cd /tmp/prv-deb; "
        "printf 'Package: prv-demo\\nVersion: 1.0\\nArchitecture: all\\nMaintainer: a <a@b>\\n"
        "Description: demo\\n' > DEBIAN/control; dpkg-deb -b . /tmp/prv-demo.deb; "
        "sed -i s/1.0/0.9/ DEBIAN/control; dpkg-deb -b . /tmp/prv-old.deb"
    )
    assert host.run("shell", cmd=build).status == "changed"
    try:
        assert converges(host, "apt", deb="/tmp/prv-demo.deb") == {"prv-demo": (None, "1.0")}
        older = host.run("apt", deb="/tmp/prv-old.deb")
        assert "a later version of prv-demo is installed" in older.msg
        diff = converges(host, "apt", deb="/tmp/prv-old.deb", allow_downgrade=True)
        assert diff == {"prv-demo": ("1.0", "0.9")}
    finally:
        host.run("apt", name="prv-demo", state="absent", purge=True)
        host.run("shell", cmd="rm -rf /tmp/prv-*deb*")


@pytest.mark.lab
def test_a_package_that_is_nowhere(host: ActionHost) -> None:
    outcome = host.run("apt", name="prv-nowhere")
    assert outcome.status == "failed"
    assert outcome.msg == "No package matching 'prv-nowhere' is available"
    missing = host.run("apt", deb="/tmp/prv-none.deb")
    assert "/tmp/prv-none.deb" in missing.msg
