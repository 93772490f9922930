"""The files a user works with: inventory, known hosts, ssh configuration."""

from __future__ import annotations

from typing import Any

from provision.lab.files import write_atomic
from provision.lab.layout import LabLayout
from provision.lab.model import LabState
from provision.lab.seed import host_public_keys

__all__ = ["inventory_data", "program_data", "write_outputs"]


def inventory_data(layout: LabLayout, state: LabState) -> dict[str, Any]:
    """The inventory in Ansible's YAML shape."""
    variables: dict[str, Any] = {
        "ansible_user": "root",
        "ansible_port": 22,
        "ansible_ssh_private_key_file": str(layout.key),
        "provision_known_hosts": str(layout.known_hosts),
    }
    if state.mirror_port:
        # What a playbook that installs from the vendors takes from its inventory instead.
        variables["lab_mirror"] = state.mirror_url
        variables["miniconda_mirror"] = f"{state.mirror_url}/miniconda"
        variables["conda_channel_alias"] = f"{state.mirror_url}/conda"
        variables["pip_index_url"] = f"{state.mirror_url}/pypi/simple/"
    hosts: dict[str, Any] = {}
    groups: dict[str, Any] = {"lab": {"vars": variables, "hosts": hosts}}
    for host in state.hosts:
        for name, address in host.names():
            hosts[name] = {"ansible_host": address}
            groups.setdefault(f"release_{host.release}", {"hosts": {}})["hosts"][name] = {}
            if not host.python:
                groups.setdefault("nopython", {"hosts": {}})["hosts"][name] = {}
    return {"all": {"children": groups}}


def program_data(layout: LabLayout, state: LabState) -> dict[str, Any]:
    """The same as an inventory program prints it."""
    groups = inventory_data(layout, state)["all"]["children"]
    hostvars: dict[str, Any] = groups["lab"]["hosts"]
    listed: dict[str, Any] = {
        name: {"hosts": list(group["hosts"]), "vars": group.get("vars", {})}
        for name, group in groups.items()
    }
    return {**listed, "_meta": {"hostvars": hostvars}}


def _known_hosts(layout: LabLayout, state: LabState) -> str:
    lines = []
    for host in state.hosts:
        keys = host_public_keys(layout.root(host.name))
        for name, address in host.names():
            lines += [f"{name},{address} {key}" for key in keys]
    return "\n".join(lines) + "\n"


def _ssh_config(layout: LabLayout, state: LabState) -> str:
    lines: list[str] = []
    for host in state.hosts:
        pairs = dict(host.names()) | {host.name: host.address}
        for name, address in pairs.items():
            lines += [f"Host {name}", f"  HostName {address}"]
    lines += [
        "Host *",
        "  User root",
        f'  IdentityFile "{layout.key}"',
        "  IdentitiesOnly yes",
        f'  UserKnownHostsFile "{layout.known_hosts}"',
        "  GlobalKnownHostsFile /dev/null",
        "  StrictHostKeyChecking yes",
        "  LogLevel ERROR",
    ]
    return "\n".join(lines) + "\n"


def write_outputs(layout: LabLayout, state: LabState) -> None:
    """Writes them from the hosts' own file systems, which must be mounted."""
    import yaml

    write_atomic(layout.known_hosts, _known_hosts(layout, state))
    write_atomic(layout.ssh_config, _ssh_config(layout, state))
    text = yaml.safe_dump(inventory_data(layout, state), sort_keys=False)
    write_atomic(layout.inventory, f"# Written by `provision lab up`.\n{text}")
