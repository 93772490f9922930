"""The action `slurp`."""

from __future__ import annotations

from dataclasses import dataclass

from provision.actions.args import arg
from provision.actions.base import Action

__all__ = ["ACTION", "Args", "Slurp"]


@dataclass(frozen=True, slots=True)
class Args:
    src: str = arg("The file on the host.", aliases=("path",), example="/proc/mounts")


class Slurp(Action):
    name = "slurp"
    summary = "Read a small file of a host into a variable."
    Args = Args
    check_mode = "runs as usual: it changes nothing"
    examples = (
        "- slurp:\n    src: /etc/machine-id\n  register: id\n"
        "- debug:\n    msg: '{{ id.content | b64decode }}'\n"
    )
    notes = "Registers `content` in base64, `encoding` and `source`. For large files use `fetch`."


ACTION = Slurp()
