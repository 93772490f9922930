from __future__ import annotations

import pytest
from provision.errors import InventoryError
from provision.inventory import ConnectionVars, connection_vars

from .conftest import Load


def test_nothing_said_is_none() -> None:
    assert connection_vars({}) == ConnectionVars()
    assert connection_vars({"inventory_hostname": "a"}).host == "a"


def test_all_the_names() -> None:
    settings = connection_vars({
        "inventory_hostname": "gpu01",
        "ansible_host": "10.0.0.1",
        "ansible_port": "2222",
        "ansible_user": "ops",
        "ansible_connection": "ssh",
        "ansible_ssh_private_key_file": "~/.ssh/lab",
        "ansible_ssh_pass": 123456,
        "ansible_become": "yes",
        "ansible_become_user": "root",
        "ansible_become_method": "sudo",
        "ansible_become_pass": "s3cret",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_common_args": "-o ProxyJump=gate",
        "ansible_ssh_extra_args": "-v",
        "ansible_shell_executable": "/bin/bash",
        "ansible_timeout": 5,
        "ansible_ssh_host_key_checking": False,
        "provision_known_hosts": "/etc/lab/known_hosts",
    })  # fmt: skip
    assert settings == ConnectionVars(
        host="10.0.0.1",
        port=2222,
        user="ops",
        connection="ssh",
        private_key_file="~/.ssh/lab",
        password="123456",
        become=True,
        become_user="root",
        become_method="sudo",
        become_password="s3cret",
        python_interpreter="/usr/bin/python3",
        ssh_common_args="-o ProxyJump=gate",
        ssh_extra_args="-v",
        shell_executable="/bin/bash",
        timeout_s=5.0,
        host_key_checking=False,
        known_hosts="/etc/lab/known_hosts",
    )
    assert "s3cret" not in repr(settings)


def test_legacy_names_win_as_they_do_in_ansible() -> None:
    settings = connection_vars({"ansible_host": "a", "ansible_ssh_host": "b", "ansible_user": "c"})
    assert (settings.host, settings.user) == ("b", "c")


@pytest.mark.parametrize(
    ("variables", "what"),
    [
        ({"ansible_port": "ssh"}, "ansible_port must be a port from 1 to 65535, not 'ssh'"),
        ({"ansible_port": 0}, "ansible_port must be a port from 1 to 65535, not 0"),
        ({"ansible_port": True}, "ansible_port must be a port from 1 to 65535, not True"),
        ({"ansible_become": "maybe"}, "ansible_become must be true or false, not 'maybe'"),
        ({"ansible_user": ["x"]}, "ansible_user must be a string, not ['x']"),
        ({"ansible_password": ["x"]}, "ansible_password must be a string, not list"),
        ({"ansible_timeout": -1}, "ansible_timeout must be a number of seconds above 0, not -1"),
    ],
)
def test_wrong_values(variables: dict[str, object], what: str) -> None:
    with pytest.raises(InventoryError) as caught:
        connection_vars(variables)
    assert caught.value.what == what


def test_a_wrong_value_names_its_place(load: Load) -> None:
    inventory = load("all:\n  hosts:\n    a: {ansible_port: ssh}\n", "hosts.yml")
    with pytest.raises(InventoryError) as caught:
        connection_vars(inventory.variables("a"))
    assert caught.value.mark is not None
    assert (caught.value.mark.line, caught.value.mark.column) == (3, 23)
