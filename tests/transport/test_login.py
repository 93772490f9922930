"""Ways to log in: keys of all kinds, the agent, passwords, several at once."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest
from provision.errors import AuthenticationFailed
from provision.transport.base import Secret
from provision.transport.ssh import SshConnection, SshConnector

from tests.transport.conftest import MakeConnector, MakeSshd
from tests.transport.sshd import Sshd, keygen, stub_server


def authorize(server: Sshd, key: Path) -> None:
    with server.authorized_keys.open("a") as stream:
        stream.write(Path(f"{key}.pub").read_text())


def whoami(connection: SshConnection) -> str:
    return connection.start("id -un").recv(100, 20).decode().strip()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sshd: Sshd) -> Iterator[Sshd]:
    """One whose list of keys may be changed."""
    made = Sshd(tmp_path_factory.mktemp("sshd"))
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize(("kind", "tag"), [("ecdsa", "EC"), ("rsa", "RSA"), ("ed25519", "OPENSSH")])
def test_keys_of_every_kind_and_format(
    server: Sshd, connector: SshConnector, tmp_path: Path, kind: str, tag: str
) -> None:
    key = keygen(tmp_path / "key", kind)
    if tag != "OPENSSH":
        command = ["ssh-keygen", "-q", "-p", "-N", "", "-m", "PEM", "-f", str(key)]
        subprocess.run(command, check=True, capture_output=True)
    assert f"BEGIN {tag} PRIVATE KEY" in key.read_text()
    authorize(server, key)
    connection = connector.connect(server.target(private_key_files=(str(key),)))
    assert whoami(connection) == server.user


def test_default_keys_are_found(server: Sshd, connector: SshConnector, empty_home: Path) -> None:
    authorize(server, keygen(empty_home / ".ssh" / "id_ed25519"))
    assert whoami(connector.connect(server.target(private_key_files=()))) == server.user


def test_the_passphrase_of_a_key_is_asked_for_once(
    server: Sshd, make_connector: MakeConnector, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "key", passphrase="open sesame")
    authorize(server, key)
    asked: list[str] = []

    def passphrase(path: str) -> str:
        asked.append(path)
        return "open sesame"

    connector = make_connector(passphrase=passphrase)
    for _ in range(2):
        connection = connector.connect(server.target(private_key_files=(str(key),)))
        assert whoami(connection) == server.user
    assert asked == [str(key)]


@pytest.mark.parametrize(
    ("passphrase", "why"),
    [(None, "it is encrypted and no passphrase was given"), ("no", "the passphrase is wrong")],
)
def test_a_key_that_cannot_be_opened(
    server: Sshd,
    make_connector: MakeConnector,
    tmp_path: Path,
    passphrase: str | None,
    why: str,
) -> None:
    key = keygen(tmp_path / "key", passphrase="open sesame")
    connector = make_connector(passphrase=lambda _path: passphrase)
    with pytest.raises(AuthenticationFailed, match=re.escape(f"key {key}: {why}")):
        connector.connect(server.target(private_key_files=(str(key),)))


def test_a_passphrase_from_the_inventory(
    server: Sshd, connector: SshConnector, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "key", passphrase="open sesame")
    authorize(server, key)
    target = server.target(private_key_files=(str(key),), key_passphrase=Secret("open sesame"))
    assert whoami(connector.connect(target)) == server.user


def test_a_file_that_is_no_key(server: Sshd, connector: SshConnector, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("not a key\n")
    with pytest.raises(AuthenticationFailed, match="not a private key that can be read"):
        connector.connect(server.target(private_key_files=(str(tmp_path / "key"),)))


# -- the agent ------------------------------------------------------------------------------


@pytest.fixture
def agent(
    tmp_path: Path, connector: SshConnector, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The socket of an empty ssh-agent, in $SSH_AUTH_SOCK."""
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
        os.sched_yield()
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    yield path
    process.terminate()
    process.wait(10)


def add_to_agent(key: Path) -> None:
    subprocess.run(["ssh-add", "-q", str(key)], check=True)


def test_the_agents_key_is_used(
    server: Sshd, connector: SshConnector, agent: Path, tmp_path: Path, empty_home: Path
) -> None:
    for name in ("other", "mine"):
        add_to_agent(keygen(tmp_path / name))
    authorize(server, tmp_path / "mine")
    for _ in range(3):
        assert whoami(connector.connect(server.target(private_key_files=()))) == server.user


def test_the_agent_opens_an_encrypted_key_that_was_given(
    server: Sshd, connector: SshConnector, agent: Path, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "key")
    add_to_agent(key)
    authorize(server, key)
    command = ["ssh-keygen", "-q", "-p", "-N", "secret word", "-f", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    connection = connector.connect(server.target(private_key_files=(str(key),)))
    assert whoami(connection) == server.user


@pytest.mark.parametrize("arguments", [("-o", "IdentitiesOnly=yes"), ("-o", "IdentityAgent=none")])
def test_an_agent_that_is_not_wanted(
    server: Sshd,
    connector: SshConnector,
    agent: Path,
    tmp_path: Path,
    empty_home: Path,
    arguments: tuple[str, ...],
) -> None:
    add_to_agent(keygen(tmp_path / "mine"))
    authorize(server, tmp_path / "mine")
    target = server.target(private_key_files=(), ssh_args=("-F", "none", *arguments))
    with pytest.raises(AuthenticationFailed, match="there was nothing to try"):
        connector.connect(target)


def test_too_many_keys(
    make_sshd: MakeSshd, connector: SshConnector, agent: Path, tmp_path: Path, empty_home: Path
) -> None:
    for number in range(4):
        add_to_agent(keygen(tmp_path / str(number)))
    server = make_sshd("MaxAuthTries 2")
    with pytest.raises(AuthenticationFailed, match="Too many authentication failures") as caught:
        connector.connect(server.target(private_key_files=())).ready()
    assert "tried agent key 0" in caught.value.why


def test_an_agent_that_is_gone(
    server: Sshd, connector: SshConnector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "nothing"))
    assert whoami(connector.connect(server.target())) == server.user


# -- passwords ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def somebody() -> Iterator[tuple[str, str]]:
    """An account with a password, for as long as the tests here run."""
    if os.geteuid() != 0:
        pytest.skip("only root can make an account with a password")
    name, password = f"ptest{os.getpid()}", secrets.token_hex(8)
    subprocess.run(["useradd", "-m", "-s", "/bin/sh", name], check=True)
    subprocess.run(["chpasswd"], input=f"{name}:{password}", text=True, check=True)
    yield name, password
    subprocess.run(["userdel", "-r", name], check=True, capture_output=True)


def test_a_password(server: Sshd, connector: SshConnector, somebody: tuple[str, str]) -> None:
    user, password = somebody
    target = server.target(user=user, private_key_files=(), password=Secret(password))
    assert whoami(connector.connect(target)) == user


def test_a_wrong_password(
    server: Sshd, connector: SshConnector, somebody: tuple[str, str], empty_home: Path
) -> None:
    target = server.target(user=somebody[0], private_key_files=(), password=Secret("dragon"))
    with pytest.raises(AuthenticationFailed, match="tried password") as caught:
        connector.connect(target).ready()
    assert "dragon" not in str(caught.value)
    assert "dragon" not in repr(target)


def test_a_key_and_then_a_password(
    make_sshd: MakeSshd, connector: SshConnector, somebody: tuple[str, str]
) -> None:
    user, password = somebody
    server = make_sshd(
        "AuthenticationMethods publickey,password\nAuthorizedKeysFile .ssh/authorized_keys"
    )
    home = Path(f"~{user}").expanduser()
    (home / ".ssh").mkdir()
    (home / ".ssh" / "authorized_keys").write_text(server.authorized_keys.read_text())
    connection = connector.connect(server.target(user=user, password=Secret(password)))
    assert whoami(connection) == user


class _Asks(paramiko.ServerInterface):
    """Takes answers to questions only."""

    def get_allowed_auths(self, username: str) -> str:
        return "keyboard-interactive"

    def check_auth_interactive(
        self, username: str, submethods: str
    ) -> paramiko.server.InteractiveQuery:
        return paramiko.server.InteractiveQuery("", "", ("Password: ", False))

    def check_auth_interactive_response(self, responses: list[str]) -> int:
        good = responses == ["right"]
        return 0 if good else 2  # AUTH_SUCCESSFUL, AUTH_FAILED


@pytest.mark.parametrize("word", ["right", "wrong"])
def test_a_password_given_as_an_answer(
    connector: SshConnector, server: Sshd, empty_home: Path, word: str
) -> None:
    key = str(server.directory / "host_ed25519")
    transports: list[paramiko.Transport] = []

    def serve(sock: object) -> None:
        transport = paramiko.Transport(sock)  # type: ignore[arg-type]
        transports.append(transport)
        transport.add_server_key(paramiko.Ed25519Key.from_private_key_file(key))
        transport.start_server(server=_Asks())
        transport.join(20)

    with stub_server(serve) as port:
        known = server.directory / "answers"
        known.write_text(server.known_line("ed25519", f"[127.0.0.1]:{port}"))
        connection = connector.connect(
            server.target(
                port=port,
                private_key_files=(),
                known_hosts_files=(str(known),),
                password=Secret(word),
            )
        )
        if word == "right":
            connection.ready()
            assert connection.wire.is_authenticated()
        else:
            with pytest.raises(AuthenticationFailed, match="tried password, keyboard-interactive"):
                connection.ready()
        connection.close()
        for transport in transports:
            transport.close()
