"""What ssh_config, ssh arguments and the inventory make of a target."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from provision.errors import InputError
from provision.transport.base import Target
from provision.transport.route import Route, resolve
from provision.transport.sshargs import parse_ssh_args
from provision.transport.sshconfig import SshConfig

CONFIG = """
# a comment
Host gpu-*.lab !gpu-bad.lab
    HostName %h.example.org
    User = ops
    Port 2200
    IdentityFile ~/.ssh/%h-%r
    IdentityFile "/keys/with space"
    UserKnownHostsFile ~/.ssh/known_lab "/var/known two"

Match originalhost gpu-1.lab user ops
    ProxyJump jump1,admin@jump2:2222

Match host *.example.org !user root
    ServerAliveInterval 30
    StrictHostKeyChecking accept-new

Match user nobody exec "true"
    ConnectTimeout 3

Match exec "test %n = by-exec"
    Port 77

Host behind
    ProxyCommand nc -X connect %h %p via %r %%
    HostKeyAlias its-key

Host quoted
    HostName "192.0.2.7"
    IdentitiesOnly yes

Host *
    User fallback
    Port 1234
    IdentityFile ~/.ssh/id_general
"""


def config_of(tmp_path: Path, text: str = CONFIG) -> SshConfig:
    path = tmp_path / "config"
    path.write_text(text)
    return SshConfig([path])


def route(config: SshConfig, host: str, **changes: object) -> Route:
    return resolve(Target(host=host, **changes), config)  # type: ignore[arg-type]


@pytest.mark.skipif(shutil.which("ssh") is None, reason="there is no ssh to ask")
@pytest.mark.parametrize(
    "host", ["gpu-1.lab", "gpu-2.lab", "gpu-bad.lab", "behind", "quoted", "other", "by-exec"]
)
@pytest.mark.parametrize("user", ["", "root"])
def test_the_same_as_openssh_says(tmp_path: Path, empty_home: Path, host: str, user: str) -> None:
    ours = route(config_of(tmp_path), host, user=user)
    login = ["-l", user] if user else []
    said = subprocess.run(
        ["ssh", "-G", "-F", tmp_path / "config", *login, host],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    theirs: dict[str, list[str]] = {}
    for line in said.splitlines():
        key, _, value = line.partition(" ")
        theirs.setdefault(key, []).append(value)
    # Some versions print paths before they expand ~, by the password database.
    home = str(Path("~root").expanduser()) if getpass.getuser() == "root" else str(Path.home())
    names = {"%h": ours.host, "%r": ours.user, home: str(empty_home), "~": str(empty_home)}

    def expanded(text: str) -> str:
        for old, new in names.items():
            text = text.replace(old, new)
        return text

    assert ours.host == theirs["hostname"][0]
    assert str(ours.port) == theirs["port"][0]
    assert ours.user == theirs["user"][0]
    assert list(ours.identities) == [expanded(f).strip('"') for f in theirs["identityfile"]]
    assert " ".join(ours.known_hosts) == expanded(theirs["userknownhostsfile"][0]).replace('"', "")
    assert ours.alive_interval_s == int(theirs["serveraliveinterval"][0])
    assert ours.identities_only == (theirs["identitiesonly"][0] == "yes")
    assert ours.accept_new == (theirs["stricthostkeychecking"][0] == "accept-new")
    assert bool(ours.jumps) == ("proxyjump" in theirs)
    assert bool(ours.proxy_command) == ("proxycommand" in theirs)


def test_the_targets_own_fields_win(tmp_path: Path) -> None:
    found = route(config_of(tmp_path), "gpu-1.lab", user="me", port=1, connect_timeout_s=4)
    assert (found.user, found.port, found.connect_timeout_s) == ("me", 1, 4)


def test_given_keys_are_the_only_ones(tmp_path: Path) -> None:
    found = route(config_of(tmp_path), "other", private_key_files=("~/k",))
    assert found.keys == (str(Path("~/k").expanduser()),)


def test_the_address_is_what_is_looked_up(tmp_path: Path) -> None:
    found = route(config_of(tmp_path), "node", address="gpu-2.lab")
    assert (found.name, found.host, found.port) == ("node", "gpu-2.lab.example.org", 2200)


def test_jump_hosts_are_looked_up_as_well(tmp_path: Path) -> None:
    text = (
        "Host inner\n ProxyJump middle,me@outer2:99\n"
        "Host middle\n HostName 192.0.2.1\n User mid\n ProxyJump outer\n"
        "Host outer\n Port 2022\n"
    )
    found = route(config_of(tmp_path, text), "inner")
    assert [(hop.host, hop.port) for hop in found.jumps] == [
        ("outer", 2022),
        ("192.0.2.1", 22),
        ("outer2", 99),
    ]
    assert [hop.user for hop in found.jumps[1:]] == ["mid", "me"]


def test_a_jump_host_that_matches_its_own_rule_is_reached_directly(tmp_path: Path) -> None:
    config = config_of(tmp_path, "Host *\n ProxyJump bastion\n")
    assert [hop.host for hop in route(config, "node").jumps] == ["bastion"]
    assert route(config, "bastion").jumps == ()


def test_proxy_commands_get_their_tokens(tmp_path: Path) -> None:
    found = route(config_of(tmp_path), "behind")
    assert found.proxy_command == "nc -X connect behind 1234 via fallback %"
    assert found.key_name == "its-key"


def test_included_files_count_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "b.conf").write_text("Host x\n Port 2\nHost y\n Port 3\n")
    (tmp_path / "a.conf").write_text("User from-a\n")
    text = f"Host x z\n Include {tmp_path}/*.conf\n Port 5\nPort 6\n"
    config = config_of(tmp_path, text)
    assert [route(config, host).port for host in "xyz"] == [2, 22, 5]
    assert [route(config, host).user == "from-a" for host in "xyz"] == [True, False, True]


def test_names_are_known_with_their_port() -> None:
    config = SshConfig(())
    assert route(config, "Node").key_name == "node"
    assert route(config, "node", port=2222).key_name == "[node]:2222"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("Host x\n Port\n", "config:2:1", "a line without a value"),
        ("Port twenty\n", "config:1:1", "port 'twenty' is not a number"),
        ("Host x\n\n HostName %q\n", "config:3:1", "%q is not known here"),
        ("Match weather rainy\n Port 1\n", "config:1:1", "Match weather is not understood"),
        ("ProxyJump a b:c:d\n", "config:1:1", "is not [user@]host[:port]"),
    ],
)
def test_mistakes_are_shown_where_they_stand(
    tmp_path: Path, text: str, place: str, what: str
) -> None:
    with pytest.raises(InputError) as caught:
        route(config_of(tmp_path, text), "x")
    assert str(caught.value.mark).endswith(place)
    assert what in caught.value.what


# -- ssh arguments --------------------------------------------------------------------------


def test_ssh_arguments_of_every_kind(tmp_path: Path) -> None:
    args = (
        "-o", "ControlMaster=auto", "-oControlPersist=60s", "-C", "-4", "-q",
        "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
        "-J", "me@jump:2222", "-i", "~/key", "-p", "77", "-l", "you",
        "-o", "ServerAliveInterval 15", "-o", 'ConnectTimeout="7"',
    )  # fmt: skip
    found = route(config_of(tmp_path), "gpu-1.lab", ssh_args=args)
    assert (found.port, found.user, found.connect_timeout_s) == (77, "you", 7)
    assert found.known_hosts == ("/dev/null",)
    assert found.accept_new
    assert found.family == socket.AF_INET
    assert found.alive_interval_s == 15
    assert found.keys == (str(Path("~/key").expanduser()),)
    assert [(hop.user, hop.host, hop.port) for hop in found.jumps] == [("me", "jump", 2222)]


def test_a_proxy_command_given_wins_over_the_files_jump(tmp_path: Path) -> None:
    found = route(
        config_of(tmp_path), "gpu-1.lab", user="ops", ssh_args=("-o", "ProxyCommand=nc %h")
    )
    assert found.proxy_command == "nc gpu-1.lab.example.org"
    assert found.jumps == ()


@pytest.mark.parametrize(
    ("args", "what"),
    [
        (("-o", "Frobnicate=yes"), "the ssh option -o Frobnicate=yes is not understood"),
        (("-L", "1:2:3"), "the ssh option -L is not understood"),
        (("-o",), "the ssh option -o lacks its value"),
        (("host",), "'host' is not an option of ssh"),
    ],
)
def test_ssh_arguments_that_are_refused(args: tuple[str, ...], what: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_ssh_args(args)
    assert caught.value.what == what
