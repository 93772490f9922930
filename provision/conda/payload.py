"""What a host is sent to build a generation from: the lock, and where to fetch from."""

from __future__ import annotations

import json
from typing import Any

from provision.conda.channels import Channel, without_credentials
from provision.conda.explicit import in_link_order
from provision.conda.lock import Lock, PipPackage

__all__ = ["build_payload", "requirement"]


def requirement(package: PipPackage) -> str:
    """One line for `pip install --no-deps --require-hashes`."""
    what = f"{package.name} @ {package.direct}" if package.direct else (
        f"{package.name}=={package.version}"
    )  # fmt: skip
    return " ".join([what, *(f"--hash={digest}" for digest in package.hashes)])


def build_payload(
    lock: Lock, channels: list[Channel], *, sdists: bool = False, terms_accepted: bool = False
) -> bytes:
    """JSON. `channels` are those of the solve: they say where each package is fetched.

    conda     url (canonical), fetch (mirror and token applied), sha256, md5, size in bytes
    channels  addresses for `--channel`, without credentials
    packages  the package set that a finished environment shows
    """
    fetch = {channel.url: channel.fetch_url for channel in channels}

    def address(url: str, channel: str) -> str:
        return fetch.get(channel, channel) + url[len(channel) :]

    conda: list[dict[str, Any]] = [
        {
            "url": package.url,
            "fetch": address(package.url, package.channel),
            "sha256": package.sha256,
            "md5": package.md5,
            "size": package.size,
        }
        for package in in_link_order(lock.conda)
    ]
    payload = {
        "content": lock.content,
        "asked": lock.asked,
        "digest": lock.packages_digest(),
        "channels": [without_credentials(fetch.get(url, url)) for url in lock.channels],
        "conda": conda,
        "pip": [requirement(package) for package in lock.pip],
        "packages": lock.packages(),
        "variables": dict(sorted(lock.variables.items())),
        "sdists": sdists,
        "pip_consistent": lock.pip_consistent,
        "terms_accepted": terms_accepted,
        "lock": lock.data(),
    }
    return json.dumps(payload, separators=(",", ":"), sort_keys=True).encode()
