"""The JSON Schema of inventories in YAML, for editors."""

from __future__ import annotations

from typing import Any

__all__ = ["inventory_schema"]

_TEXT = {"type": ["string", "number"]}
_TRUTH = {"enum": [True, False, "yes", "no", "true", "false"]}

#: What these variables do; every other name is a variable, too.
_KNOWN: dict[str, dict[str, Any]] = {
    "ansible_host": {**_TEXT, "description": "Address; by default the host's name."},
    "ansible_port": {"type": ["integer", "string"], "description": "Port of the SSH server."},
    "ansible_user": {**_TEXT, "description": "Who logs in."},
    "ansible_connection": {"type": "string", "description": "ssh or local."},
    "ansible_ssh_private_key_file": {"type": "string", "description": "A private key."},
    "ansible_password": {"description": "Password for SSH; keep it in a vault."},
    "ansible_ssh_common_args": {
        "type": "string",
        "description": "Options of OpenSSH that are understood, e.g. -o ProxyJump=bastion.",
    },
    "ansible_host_key_checking": {
        **_TRUTH,
        "description": "no records new keys; changed ones stay refused.",
    },
    "provision_known_hosts": {"type": "string", "description": "A file of host keys."},
    "ansible_timeout": {"type": ["number", "string"], "description": "Seconds to connect."},
    "ansible_become": {**_TRUTH, "description": "Become another user."},
    "ansible_become_user": {**_TEXT, "description": "Which one; root by default."},
    "ansible_become_method": {"type": "string", "description": "sudo or su."},
    "ansible_become_password": {"description": "Password for it; keep it in a vault."},
    "ansible_python_interpreter": {"type": "string", "description": "Python on the host."},
}


def inventory_schema() -> dict[str, Any]:
    """A schema for a whole file."""
    variables = {"type": ["object", "null"], "properties": _KNOWN}
    members = {"type": ["object", "null"], "additionalProperties": variables}
    groups = {"type": ["object", "null"], "additionalProperties": {"$ref": "#/$defs/group"}}
    group = {
        "type": ["object", "null"],
        "properties": {"hosts": members, "vars": variables, "children": groups},
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An inventory of provision",
        "type": "object",
        "additionalProperties": {"$ref": "#/$defs/group"},
        "$defs": {"group": group},
    }
