"""Strict host keys: unknown, changed, revoked, new ones accepted, types that are known."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from provision.errors import HostKeyRejected
from provision.transport.knownhosts import KnownHosts
from provision.transport.refusal import is_transient
from provision.transport.ssh import SshConnector

from tests.transport.conftest import MakeConnector
from tests.transport.sshd import Sshd, keygen


def rejected(
    connector: SshConnector, server: Sshd, *files: Path, **changes: object
) -> HostKeyRejected:
    known = tuple(map(str, files))
    with pytest.raises(HostKeyRejected) as caught:
        connector.connect(server.target(known_hosts_files=known, **changes))
    assert not is_transient(caught.value)
    return caught.value


def fingerprint_of(path: Path) -> str:
    """OpenSSH's opinion."""
    done = subprocess.run(["ssh-keygen", "-lf", path], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


def test_an_unknown_key_is_refused_with_its_fingerprint_and_how_to_accept_it(
    sshd: Sshd, connector: SshConnector, tmp_path: Path, empty_home: Path
) -> None:
    mine = tmp_path / "known"
    error = rejected(connector, sshd, mine)
    assert error.what == f"the host key of 127.0.0.1:{sshd.port} is not known"
    assert f"ssh-ed25519 {fingerprint_of(sshd.directory / 'host_ed25519.pub')}" in error.why
    assert "--accept-new-host-keys" in error.hint
    command = error.hint.split("`")[1]
    assert command == f"ssh-keyscan -p {sshd.port} -t ed25519 127.0.0.1 >> {mine}"
    subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True)
    connector.close()
    fresh = SshConnector()
    fresh.connect(sshd.target(known_hosts_files=(str(mine),))).ready()
    fresh.close()


def test_a_new_key_is_recorded_once_when_new_ones_are_accepted(
    sshd: Sshd, make_connector: MakeConnector, tmp_path: Path, empty_home: Path
) -> None:
    mine = tmp_path / "some" / "known"
    for _ in range(2):
        connector = make_connector(accept_new_host_keys=True)
        connector.connect(sshd.target(known_hosts_files=(str(mine),))).ready()
    assert mine.read_text() == sshd.known_line("ed25519")
    assert mine.stat().st_mode & 0o777 == 0o600
    make_connector().connect(sshd.target(known_hosts_files=(str(mine),))).ready()


def test_a_changed_key_is_refused_even_when_new_ones_are_accepted(
    sshd: Sshd, make_connector: MakeConnector, tmp_path: Path
) -> None:
    other = keygen(tmp_path / "other")
    mine = tmp_path / "known"
    public = other.with_suffix(".pub").read_text().split()
    before = f"# mine\n[127.0.0.1]:{sshd.port} {public[0]} {public[1]}\n"
    mine.write_text(before)
    error = rejected(make_connector(accept_new_host_keys=True), sshd, mine)
    assert error.what == f"THE HOST KEY OF 127.0.0.1:{sshd.port} HAS CHANGED"
    assert f"{mine}:2 says ssh-ed25519 {fingerprint_of(Path(f'{other}.pub'))}" in error.why
    assert f"ssh-keygen -f {mine} -R '[127.0.0.1]:{sshd.port}'" in error.hint
    assert mine.read_text() == before


def test_a_revoked_key_is_refused(sshd: Sshd, connector: SshConnector, tmp_path: Path) -> None:
    mine = tmp_path / "known"
    line = sshd.known_line("ed25519")
    mine.write_text(line + "@revoked * " + line.split(" ", 1)[1])
    error = rejected(connector, sshd, mine)
    assert "is revoked" in error.what
    assert f"{mine}:2" in error.why


def test_a_certificate_authority_alone_is_not_enough(
    sshd: Sshd, connector: SshConnector, tmp_path: Path, empty_home: Path
) -> None:
    mine = tmp_path / "known"
    mine.write_text("@cert-authority * " + sshd.known_line("ed25519").split(" ", 1)[1])
    error = rejected(connector, sshd, mine)
    assert f"{mine}:1 names a certificate authority" in error.why
    mine.write_text(mine.read_text() + sshd.known_line("ed25519"))
    fresh = SshConnector()
    fresh.connect(sshd.target(known_hosts_files=(str(mine),))).ready()
    fresh.close()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_only_the_type_that_is_known_is_asked_for(
    many_keys: Sshd, connector: SshConnector, tmp_path: Path, kind: str, empty_home: Path
) -> None:
    mine = tmp_path / "known"
    mine.write_text(many_keys.known_line(kind))
    connection = connector.connect(many_keys.target(known_hosts_files=(str(mine),)))
    connection.ready()
    assert kind in connection.wire.get_remote_server_key().get_name()


def test_a_host_without_a_key_of_the_known_type(
    sshd: Sshd, connector: SshConnector, tmp_path: Path, empty_home: Path
) -> None:
    other = keygen(tmp_path / "other", "ecdsa")
    public = other.with_suffix(".pub").read_text().split()
    mine = tmp_path / "known"
    mine.write_text(f"[127.0.0.1]:{sshd.port} {public[0]} {public[1]}\n")
    error = rejected(connector, sshd, mine)
    assert "no host key of a type that is known" in error.what
    assert f"known: ecdsa-sha2-nistp256 ({mine}:1)" in error.why


def test_a_key_listed_without_a_port_holds_for_every_port(
    sshd: Sshd, connector: SshConnector, tmp_path: Path, empty_home: Path
) -> None:
    mine = tmp_path / "known"
    mine.write_text(sshd.known_line("ed25519", "127.0.0.1"))
    connector.connect(sshd.target(known_hosts_files=(str(mine),))).ready()


def test_another_machine_behind_the_same_address_is_new_and_not_changed(
    sshd: Sshd, connector: SshConnector, tmp_path: Path, empty_home: Path
) -> None:
    mine = tmp_path / "known"
    public = keygen(tmp_path / "other").with_suffix(".pub").read_text().split()
    mine.write_text(f"127.0.0.1 {public[0]} {public[1]}\n")
    assert rejected(connector, sshd, mine).what.endswith("is not known")


def test_names_hashed_by_openssh_are_found(
    sshd: Sshd, connector: SshConnector, tmp_path: Path, empty_home: Path
) -> None:
    mine = tmp_path / "known"
    mine.write_text("other.example ssh-ed25519 AAAA\n" + sshd.known_line("ed25519"))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", mine], check=True, capture_output=True)
    assert "127.0.0.1" not in mine.read_text()
    connector.connect(sshd.target(known_hosts_files=(str(mine),))).ready()


def test_new_names_are_hashed_when_ssh_config_asks_for_it(
    sshd: Sshd, connector: SshConnector, tmp_path: Path, empty_home: Path
) -> None:
    mine = tmp_path / "known"
    args = ("-F", "none", "-o", "HashKnownHosts=yes", "-o", "StrictHostKeyChecking=accept-new")
    target = sshd.target(known_hosts_files=(str(mine),), ssh_args=args)
    connector.connect(target).ready()
    assert mine.read_text().startswith("|1|")
    found = subprocess.run(
        ["ssh-keygen", "-F", f"[127.0.0.1]:{sshd.port}", "-f", mine],
        capture_output=True,
        check=False,
    )
    assert found.returncode == 0


def test_nothing_is_recorded_where_the_user_wants_nothing_recorded(
    sshd: Sshd, connector: SshConnector, empty_home: Path
) -> None:
    args = ("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null")
    connector.connect(sshd.target(known_hosts_files=(), ssh_args=args)).ready()
    assert not (empty_home / ".ssh" / "known_hosts").exists()


def test_a_file_that_cannot_be_written_is_an_error(
    sshd: Sshd, make_connector: MakeConnector, tmp_path: Path, empty_home: Path
) -> None:
    (tmp_path / "file").write_text("")
    mine = tmp_path / "file" / "known"  # its directory is a file
    connector = make_connector(accept_new_host_keys=True)
    assert "cannot be recorded" in rejected(connector, sshd, mine).what


# -- the files themselves -------------------------------------------------------------------


def key_text(seed: str) -> str:
    return base64.b64encode(hashlib.sha256(seed.encode()).digest()).decode()


def test_lines_of_every_kind(tmp_path: Path) -> None:
    path = tmp_path / "known"
    path.write_text(
        "# comment\n"
        "\n"
        "One,192.0.2.1 ssh-ed25519 AAAA one\n"
        "*.example.org,!bad.example.org ecdsa-sha2-nistp256 BBBB\n"
        "[two]:2222 ssh-rsa CCCC\n"
        "broken line\n"
        "|1|not-base64|neither ssh-rsa DDDD\n"
        "@revoked two ssh-rsa EEEE"
    )
    known = KnownHosts()

    def found(name: str) -> list[tuple[str, str, int]]:
        return [(e.marker, e.key, e.line) for e in known.lookup(name, [str(path)])]

    assert found("one") == [("", "AAAA", 3)]
    assert found("192.0.2.1") == [("", "AAAA", 3)]
    assert found("a.example.org") == [("", "BBBB", 4)]
    assert found("bad.example.org") == []
    assert found("[two]:2222") == [("", "CCCC", 5)]
    assert found("two") == [("@revoked", "EEEE", 8)]


def test_appending_mends_a_torn_last_line_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "known"
    path.write_text("|1|abc=|def= ssh-rsa XXXX\nold ssh-ed25519 AAAA")
    KnownHosts().add("new", "ssh-ed25519", "BBBB", str(path), hashed=False)
    assert path.read_text() == (
        "|1|abc=|def= ssh-rsa XXXX\nold ssh-ed25519 AAAA\nnew ssh-ed25519 BBBB\n"
    )


def test_the_first_of_two_that_add_the_same_host_wins(tmp_path: Path) -> None:
    path = str(tmp_path / "known")
    one, other = KnownHosts(), KnownHosts()
    assert one.lookup("host", [path]) == other.lookup("host", [path]) == []
    one.add("host", "ssh-ed25519", "AAAA", path, hashed=False)
    known = other.add("host", "ssh-ed25519", "BBBB", path, hashed=False)
    assert [entry.key for entry in known] == ["AAAA"]


def test_hosts_added_at_the_same_time_all_arrive(tmp_path: Path) -> None:
    path = tmp_path / "known"
    stores = [KnownHosts(), KnownHosts()]

    def add(number: int) -> None:
        store = stores[number % 2]
        store.add(f"h{number}", "ssh-ed25519", key_text(str(number)), str(path), hashed=False)

    threads = [threading.Thread(target=add, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = sorted(path.read_text().splitlines())
    assert lines == sorted(f"h{n} ssh-ed25519 {key_text(str(n))}" for n in range(20))


def test_thousands_of_entries_are_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "known"
    path.write_text(
        "".join(f"h{n},10.0.{n // 250}.{n % 250} ssh-ed25519 K{n}\n" for n in range(5000))
    )
    known = KnownHosts()
    assert known.lookup("h0", [str(path)])[0].key == "K0"
    path.unlink()
    assert [known.lookup(f"h{n}", [str(path)])[0].key for n in range(5000)] == [
        f"K{n}" for n in range(5000)
    ]


@pytest.fixture(scope="module")
def many_keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"), kinds=("rsa", "ecdsa", "ed25519"))
    server.start()
    yield server
    server.stop()
