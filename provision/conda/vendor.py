"""What the vendors publish and where: the only place that names their hosts.

Every address can be replaced by a mirror: an option of the action, or a variable of the
inventory.
"""

from __future__ import annotations

__all__ = [
    "CHANNEL_ALIAS",
    "CUDA_OF_DRIVER",
    "DEFAULT_CHANNELS",
    "INSTALLER_BASES",
    "INSTALLER_SHA256",
    "LOCAL_VERSION_INDEXES",
    "TERMS_BASE",
]

CHANNEL_ALIAS = "https://conda.anaconda.org"

#: What the channel name `defaults` means; its terms bind whoever uses it.
DEFAULT_CHANNELS = (
    "https://repo.anaconda.com/pkgs/main",
    "https://repo.anaconda.com/pkgs/r",
)

#: Channels below this address are used under the vendor's terms of service.
TERMS_BASE = "https://repo.anaconda.com/"

INSTALLER_BASES = {
    "miniconda": "https://repo.anaconda.com/miniconda",
    "miniforge": "https://github.com/conda-forge/miniforge/releases/download/{version}",
}

#: Whose index has `name==version+local`: a pattern of the local part, the index's address with
#: `{tag}` for that part.
LOCAL_VERSION_INDEXES = (
    (r"cu\d{2,3}|cpu|rocm[\d.]+|xpu", "https://download.pytorch.org/whl/{tag}"),
)

#: SHA-256 by installer name, for those that have been seen. Who asks for another one says
#: its hash; Miniforge publishes `<installer>.sha256` beside each file.
INSTALLER_SHA256: dict[str, str] = {}

#: (first driver branch, newest CUDA release it runs), from NVIDIA's release notes.
CUDA_OF_DRIVER = (
    (580, "13.0"),
    (575, "12.9"),
    (570, "12.8"),
    (565, "12.7"),
    (560, "12.6"),
    (555, "12.5"),
    (550, "12.4"),
    (545, "12.3"),
    (535, "12.2"),
    (530, "12.1"),
    (525, "12.0"),
    (520, "11.8"),
    (515, "11.7"),
    (510, "11.6"),
    (495, "11.5"),
    (470, "11.4"),
    (465, "11.3"),
    (460, "11.2"),
    (455, "11.1"),
    (450, "11.0"),
)
