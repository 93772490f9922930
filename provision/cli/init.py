"""provision init."""

from __future__ import annotations

from pathlib import Path

import click

from provision.errors import InputError

__all__ = ["command"]

_FILES = {
    "inventories/hosts.yml": """\
# Your machines. `provision inventory graph -i inventories` shows how they are read.
all:
  children:
    gpu_nodes:
      hosts:
        gpu01:
          ansible_host: 192.0.2.11
      vars:
        ansible_user: ops
""",
    "playbooks/site.yml": """\
# `provision plan playbooks/site.yml` shows what would change, `provision apply` does it.
- name: GPU nodes
  hosts: gpu_nodes
  become: true
  tasks:
    - name: Miniconda
      miniconda:
        version: "26.7.1-1"
        distribution: miniforge

    - name: the environment, as exported with `conda env export`
      conda_env:
        name: hello-v1
        file: hello-v1.yml

    - name: the service
      model_service:
        name: hello
        env: hello-v1
        command: [python, -m, http.server, "8001", --bind, 127.0.0.1]
        port: 8001
        health: {path: /}
""",
    "playbooks/envs/hello-v1.yml": """\
name: hello-v1
channels:
  - conda-forge
dependencies:
  - python=3.11
""",
}


@click.command(name="init")
@click.argument("directory", default=".", type=click.Path(path_type=Path, file_okay=False))
def command(directory: Path) -> int:
    """Write a starting point for a project into DIRECTORY; nothing is overwritten."""
    there = [name for name in _FILES if (directory / name).exists()]
    if there:
        raise InputError(
            f"{directory / there[0]} exists", hint="choose an empty directory or remove it first"
        )
    for name, text in _FILES.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        click.echo(f"wrote {path}")
    click.echo("next: name your hosts in inventories/hosts.yml, then")
    click.echo(f"  cd {directory} && provision plan playbooks/site.yml -i inventories")
    return 0
