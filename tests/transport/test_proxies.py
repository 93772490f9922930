"""Hosts behind others: ProxyJump, chains of it, ProxyCommand."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import pytest
from provision.errors import AuthenticationFailed, ConnectFailed, HostKeyRejected
from provision.transport.base import Target
from provision.transport.ssh import SshConnector

from tests.transport.conftest import MakeSshd
from tests.transport.sshd import Sshd, free_port, keygen

RELAY = """
import socket, sys, threading
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := sys.stdin.buffer.raw.read(65536):
        sock.sendall(data)
threading.Thread(target=up, daemon=True).start()
while data := sock.recv(65536):
    sys.stdout.buffer.write(data); sys.stdout.buffer.flush()
"""


def config_file(tmp_path: Path, text: str) -> tuple[str, str]:
    path = tmp_path / "ssh_config"
    path.write_text(text)
    return "-F", str(path)


def stanza(name: str, server: Sshd, *more: str) -> str:
    lines = [
        f"Host {name}",
        "HostName 127.0.0.1",
        f"Port {server.port}",
        f"User {server.user}",
        f"IdentityFile {server.key}",
        "IdentitiesOnly yes",
        f"UserKnownHostsFile {server.known_hosts}",
        *more,
    ]
    return "\n  ".join(lines) + "\n"


def output(connector: SshConnector, target: Target) -> bytes:
    channel = connector.connect(target).start("echo $SSH_CONNECTION | cut -d' ' -f4")
    return channel.recv(100, 20).strip()


def test_a_chain_of_jump_hosts(
    make_sshd: MakeSshd, connector: SshConnector, tmp_path: Path
) -> None:
    outer, middle, inner = make_sshd(), make_sshd(), make_sshd()
    text = (
        stanza("outer", outer)
        + stanza("middle", middle)
        + stanza("inner", inner, "ProxyJump outer,middle")
    )
    target = Target("inner", ssh_args=config_file(tmp_path, text))
    assert output(connector, target) == str(inner.port).encode()
    assert outer.log().count("Accepted publickey") == 1
    assert middle.log().count("Accepted publickey") == 1


def test_hosts_behind_one_share_its_connection(
    make_sshd: MakeSshd, connector: SshConnector, tmp_path: Path
) -> None:
    outer, inner = make_sshd(), make_sshd()
    text = stanza("outer", outer) + stanza("inner", inner, "ProxyJump outer")
    args = config_file(tmp_path, text)
    outputs: list[bytes] = []

    def one() -> None:
        outputs.append(output(connector, Target("inner", ssh_args=args)))

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outputs == [str(inner.port).encode()] * 6
    assert outer.log().count("Accepted publickey") == 1
    outer.signal_sessions(signal.SIGKILL)  # the next one makes a new one
    connector.connect(Target("inner", ssh_args=args)).ready()
    assert outer.log().count("Accepted publickey") == 2


def test_the_targets_own_key_serves_for_jump_hosts_too(
    make_sshd: MakeSshd, connector: SshConnector, tmp_path: Path
) -> None:
    outer, inner = make_sshd(), make_sshd()
    known = tmp_path / "known"
    known.write_text(outer.known_hosts.read_text() + inner.known_hosts.read_text())
    outer.authorized_keys.write_text(inner.authorized_keys.read_text())
    jump = f"{outer.user}@127.0.0.1:{outer.port}"
    target = inner.target(known_hosts_files=(str(known),), ssh_args=("-F", "none", "-J", jump))
    assert output(connector, target) == str(inner.port).encode()


def test_a_jump_host_that_does_not_let_us_in(
    make_sshd: MakeSshd, sshd: Sshd, connector: SshConnector, tmp_path: Path
) -> None:
    outer = make_sshd()
    outer.authorized_keys.write_text("")
    text = stanza("outer", outer) + stanza("inner", sshd, "ProxyJump outer")
    with pytest.raises(AuthenticationFailed) as caught:
        connector.connect(Target("inner", ssh_args=config_file(tmp_path, text)))
    assert caught.value.host == "inner"
    assert caught.value.what.startswith(f"through outer: 127.0.0.1:{outer.port} does not let")


def test_a_jump_host_whose_key_is_not_known(
    make_sshd: MakeSshd, sshd: Sshd, connector: SshConnector, tmp_path: Path
) -> None:
    outer = make_sshd()
    outer.known_hosts.write_text("")
    text = stanza("outer", outer) + stanza("inner", sshd, "ProxyJump outer")
    with pytest.raises(HostKeyRejected, match="through outer: the host key of"):
        connector.connect(Target("inner", ssh_args=config_file(tmp_path, text)))


def test_a_host_that_its_jump_host_cannot_reach(
    make_sshd: MakeSshd, connector: SshConnector, tmp_path: Path
) -> None:
    outer = make_sshd()
    port = free_port()
    text = (
        stanza("outer", outer)
        + f"Host inner\n HostName 127.0.0.1\n Port {port}\n ProxyJump outer\n"
    )
    args = config_file(tmp_path, text)
    with pytest.raises(ConnectFailed) as caught:
        connector.connect(Target("inner", ssh_args=args, private_key_files=(str(outer.key),)))
    assert f"cannot reach 127.0.0.1:{port}" in caught.value.what
    assert caught.value.transient


def test_a_jump_host_that_forbids_jumping(
    make_sshd: MakeSshd, sshd: Sshd, connector: SshConnector, tmp_path: Path
) -> None:
    outer = make_sshd("AllowTcpForwarding no")
    text = stanza("outer", outer) + stanza("inner", sshd, "ProxyJump outer")
    with pytest.raises(ConnectFailed, match="prohibited") as caught:
        connector.connect(Target("inner", ssh_args=config_file(tmp_path, text)))
    assert not caught.value.transient


def test_a_proxy_command(sshd: Sshd, connector: SshConnector, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY)
    text = stanza("inner", sshd, f"ProxyCommand {sys.executable} {relay} %h %p")
    target = Target("inner", ssh_args=config_file(tmp_path, text))
    assert output(connector, target) == str(sshd.port).encode()


def test_a_proxy_command_that_fails_is_quoted(
    sshd: Sshd, connector: SshConnector, tmp_path: Path
) -> None:
    text = stanza("inner", sshd, "ProxyCommand echo no such relay >&2; exit 1")
    with pytest.raises(ConnectFailed) as caught:
        connector.connect(Target("inner", ssh_args=config_file(tmp_path, text)))
    assert caught.value.why == "no such relay"


def test_a_proxy_command_that_hangs_is_ended(
    sshd: Sshd, connector: SshConnector, tmp_path: Path
) -> None:
    key = keygen(tmp_path / "key")
    text = stanza("inner", sshd, f"ProxyCommand echo $$ > {tmp_path}/pid; exec sleep 100")
    target = Target(
        "inner",
        ssh_args=config_file(tmp_path, text),
        private_key_files=(str(key),),
        connect_timeout_s=0.3,
    )
    with pytest.raises(ConnectFailed) as caught:
        connector.connect(target)
    assert caught.value.phase == "SSH banner"
    pid = (tmp_path / "pid").read_text().strip()
    assert not Path(f"/proc/{pid}").exists()
