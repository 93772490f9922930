"""Adds to a lock what its form did not say: SHA-256, size and dependencies, from the channels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from provision.conda.channels import Channel, ChannelMap
from provision.conda.lock import CondaPackage, Lock
from provision.conda.solve import ask_child
from provision.errors import EnvironmentFileError, Mark, ProvisionError

__all__ = ["Completed", "complete", "look_up"]

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Completed:
    """`unlisted` are packages that no channel lists any more; their hashes were known."""

    lock: Lock
    unlisted: tuple[CondaPackage, ...] = ()


def look_up(
    packages: tuple[CondaPackage, ...], channels: ChannelMap, cache_dir: Path, file: str = ""
) -> tuple[list[CondaPackage | None], dict[str, str]]:
    """Each package as its channel lists it now, None where it does not; and the channels that
    could not be read, with the reason. Raises ProvisionError."""
    urls = dict.fromkeys(package.channel for package in packages)
    known: dict[str, Channel] = {}
    for url in urls:
        for channel in channels.resolve(url):
            known[url] = channel
    cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    answer = ask_child(
        {
            "channels": [{"url": c.url, "fetch_url": c.fetch_url} for c in known.values()],
            "cache_dir": str(cache_dir),
            "lookup": [
                {"name": p.name, "channel": p.channel, "subdir": p.subdir, "url": p.url}
                for p in packages
            ],
        },
        Mark(file) if file else None,
    )
    if "error" in answer:
        raise ProvisionError(
            "cannot look the packages up", mark=Mark(file) if file else None, why=answer["error"]
        )
    found = [
        None if item is None else CondaPackage(**{**item, "depends": tuple(item["depends"])})
        for item in answer["found"]
    ]
    return found, dict(answer["lost"])


def complete(lock: Lock, channels: ChannelMap, cache_dir: Path, file: str = "") -> Completed:
    """Raises EnvironmentFileError when a channel has something else at an address, or has it no
    more and no hash is known; ProvisionError when a channel cannot be read."""
    if all(p.sha256 for p in lock.conda) and any(p.depends for p in lock.conda):
        return Completed(lock)
    found, lost = look_up(lock.conda, channels, cache_dir, file)
    mark = Mark(file) if file else None
    if lost:
        raise ProvisionError(
            f"cannot read the channels {', '.join(lost)}", mark=mark, why=next(iter(lost.values()))
        )
    packages: list[CondaPackage] = []
    gone: list[CondaPackage] = []
    for said, listed in zip(lock.conda, found, strict=True):
        if listed is None:
            gone.append(said)
            packages.append(said)
            continue
        for kind in ("sha256", "md5"):
            one, other = getattr(said, kind), getattr(listed, kind)
            if one and other and one != other:
                raise EnvironmentFileError(
                    f"{said.url} is not what it was", mark=mark,
                    why=f"its {kind} was {one}, the channel says {other}",
                )  # fmt: skip
        packages.append(replace(listed, url=said.url, channel=said.channel))
    unknown = [package for package in gone if not package.sha256]
    if unknown:
        names = "\n".join(package.url for package in unknown[:_SHOWN])
        more = f"\nand {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        raise EnvironmentFileError(
            f"no channel lists {unknown[0].name} {unknown[0].version} {unknown[0].build}"
            + (f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""),
            mark=mark, why=names + more,
            hint="a host that has them: provision env capture --include-unavailable",
        )  # fmt: skip
    return Completed(replace(lock, conda=tuple(packages)), tuple(gone))
