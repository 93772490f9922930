"""Which GPUs a service sees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from provision.errors import PlaybookError
from provision.yamlsource import mark_of

__all__ = ["Gpus"]

_DEVICE = re.compile(r"[0-9]{1,3}|(GPU|MIG)-[0-9A-Za-z/-]+")


@dataclass(frozen=True, slots=True)
class Gpus:
    """`mode` is `free` (nothing said: what the host has), `all`, `none`, or `some`: `devices`,
    each a UUID or an index in the order of PCI buses."""

    mode: Literal["free", "all", "none", "some"] = "free"
    devices: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: object) -> Gpus:
        """From what a playbook says. Raises PlaybookError."""
        if said is None:
            return cls()
        if said is False or (isinstance(said, str) and said.strip().lower() == "none"):
            return cls("none")
        if said is True or (isinstance(said, str) and said.strip().lower() == "all"):
            return cls("all")
        if isinstance(said, str):
            said = [part.strip() for part in said.split(",")]
        if not isinstance(said, list | tuple):
            raise PlaybookError(
                f"model_service: 'gpus' takes a list, 'all' or 'none', not {said!r}",
                mark=mark_of(said),
                hint=f"the GPU with index {said}: [{said}]" if isinstance(said, int) else "",
            )
        devices = tuple(str(item) for item in said)
        for device in devices:
            if not _DEVICE.fullmatch(device):
                raise PlaybookError(
                    f"model_service: {device!r} is neither a GPU's index nor its UUID",
                    mark=mark_of(said),
                    hint="`nvidia-smi -L` lists UUIDs",
                )
        if len(set(devices)) != len(devices):
            raise PlaybookError("model_service: 'gpus' names one twice", mark=mark_of(said))
        return cls("some", devices) if devices else cls("none")

    @property
    def usable(self) -> bool:
        """Whether the service may open GPU devices."""
        return self.mode != "none"

    def variables(self) -> dict[str, str]:
        """CUDA's environment variables."""
        if self.mode == "free":
            return {}
        # nvidia-smi counts along the buses, CUDA by speed unless told otherwise
        found = {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
        if self.mode != "all":
            found["CUDA_VISIBLE_DEVICES"] = ",".join(self.devices)
        return found
