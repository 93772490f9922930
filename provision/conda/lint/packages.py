"""Rules about conda's packages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from provision.conda.lint.data import (
    LINUX,
    SAME_NAME_OTHER_THING,
    WANTED,
    cuda_of_build,
    cuda_of_name,
    is_tied_build,
    loose_gpu_build,
    platforms_of,
)
from provision.conda.lint.model import Finding, Level, Subject, spec_with
from provision.conda.lock import CondaPackage
from provision.conda.pipspecs import plain_requirement
from provision.conda.pipstubs import distribution_name
from provision.conda.specs import CondaSpec
from provision.errors import Mark

__all__ = ["gpu_builds", "owned_twice", "platform_builds", "platform_only", "repeated", "unpinned"]


def _version(spec: CondaSpec) -> str:
    found = re.match(r"={1,2}\s*([A-Za-z0-9][^=<>!~*,|\s]*)", spec.rest)
    return found[1] if found else ""


def _build(spec: CondaSpec) -> str:
    """Of `=version=build`; also one with a wildcard."""
    found = re.fullmatch(r"={1,2}[^=<>!~,|\s]+=([^=<>!~,|\s]+)", spec.rest)
    return found[1] if found else ""


def platform_builds(subject: Subject) -> Iterator[Finding]:
    targets = subject.settings.platforms
    if targets == (subject.origin,):
        return  # that is where they were made
    level: Level = "error" if targets else "warning"
    origin = {"win-64": "Windows", "osx-64": "macOS"}.get(subject.origin, subject.origin)
    for spec in subject.file.conda:
        build = _build(spec)
        if not build or not is_tied_build(spec.name, build):
            continue
        gpu = loose_gpu_build(build)
        loose = spec_with(spec, f"={_version(spec)}" + (f"={gpu}" if gpu else ""))
        yield Finding(
            "platform-build", level, spec.mark or subject.whole,
            f"{spec.name}={_version(spec)}={build} is a build for {origin}",
            "other platforms have other builds of the same version, and channels lose old ones",
            f"`{loose}`; a lock beside the file keeps the exact build for each platform",
            subject.replace(spec.mark, loose),
        )  # fmt: skip


def platform_only(subject: Subject) -> Iterator[Finding]:
    targets = frozenset(subject.settings.platforms)
    named = [(s.name, s.mark, s.bare) for s in subject.file.conda]
    named += [(p.name, p.mark, p.text) for p in subject.file.pip_packages if "sys_platform" not in
              p.text and "platform_system" not in p.text]  # fmt: skip
    for name, mark, _ in named:
        there = platforms_of(name)
        if not there or (targets and targets <= there):
            continue
        foreign = not there & LINUX
        wanted = name in WANTED
        why = "what needs it brings it along; where it does not exist, the solve fails"
        why = "nothing that runs Linux has it" if foreign else why
        yield Finding(
            "platform-only",
            "error" if foreign or targets else "warning",
            mark or subject.whole,
            f"{name} exists on {_platforms(there)} only",
            "where it does not exist, the solve fails" if wanted else why,
            "keep it in a file for those platforms" if wanted else "leave the line out",
            () if wanted else subject.drop(mark),
        )


def _platforms(names: frozenset[str]) -> str:
    for family in ("linux", "win", "osx"):
        if len(names) > 1 and all(name.startswith(family) for name in names):
            return {"linux": "Linux", "win": "Windows", "osx": "macOS"}[family]
    return ", ".join(sorted(names))


def _major(release: str) -> int:
    return int(release.partition(".")[0])


def gpu_builds(subject: Subject) -> Iterator[Finding]:
    for spec in subject.file.conda:
        build = _build(spec)
        needs = cuda_of_build(build) if build else None
        needs = cuda_of_name(spec.name, _version(spec)) if needs is None else needs
        if needs is not None:
            yield from _gpu(subject, spec.bare, needs, spec.mark)
    for line in subject.file.pip_packages:
        _, plus, local = line.version.partition("+")
        needs = cuda_of_build(local) if plus else cuda_of_name(line.name, "")
        if needs is not None:
            yield from _gpu(subject, plain_requirement(line), needs, line.mark)


def _gpu(subject: Subject, text: str, needs: str, mark: Mark | None) -> Iterator[Finding]:
    place = mark or subject.whole
    have = subject.settings.cuda
    wanted = f"CUDA {needs}" if needs else "CUDA"
    why = "a node without a driver can neither be solved for it nor run it"
    if have is None:
        yield Finding(
            "gpu-build", "warning", place, f"{text} is built for {wanted}", why,
            "say `cuda:` in the task for nodes that get a driver later; take the CPU build for "
            "those that never do",
        )  # fmt: skip
    elif not have:
        yield Finding(
            "gpu-build", "error", place, f"{text} is built for {wanted}, the nodes have none", why,
            "take the CPU build",
        )  # fmt: skip
    elif needs and _major(needs) > _major(have):
        yield Finding(
            "gpu-build", "error", place,
            f"{text} is built for {wanted}, the nodes' driver runs {have}",
            "a driver does not run a later major release of CUDA than its own",
            f"take a build for CUDA {have.partition('.')[0]}, or newer drivers",
        )  # fmt: skip


def owned_twice(subject: Subject) -> Iterator[Finding]:
    conda: dict[str, CondaSpec] = {}
    for spec in subject.file.conda:
        stand_in = CondaPackage(spec.name, "", "", "", "", "", depends=("python",))
        conda.setdefault(distribution_name(stand_in) or spec.name, spec)
    for line in subject.file.pip_packages:
        twin = conda.get(line.name)
        if twin is None or line.name in SAME_NAME_OTHER_THING or line.kind == "path":
            continue
        same = bool(line.version) and line.version.partition("+")[0] == _version(twin)
        yield Finding(
            "owned-twice", "warning" if same else "error", line.mark or subject.whole,
            f"conda ({twin.bare}) and pip ({plain_requirement(line)}) both bring {line.name}",
            "pip overwrites conda's files; the next update of either leaves a mixture",
            f"leave out pip's; conda brings the same ({twin.bare})" if same
            else "ask only one of them for it, for the version that really ran: pip's",
            subject.drop(line.mark) if same else (),
        )  # fmt: skip


def repeated(subject: Subject) -> Iterator[Finding]:
    counts = Counter(spec.name for spec in subject.file.conda)
    seen: dict[str, CondaSpec] = {}
    for spec in subject.file.conda:
        first = seen.setdefault(spec.name, spec)
        if counts[spec.name] > 1 and first is not spec:
            same = first.text == spec.text
            yield Finding(
                "repeated", "note" if same else "warning", spec.mark or subject.whole,
                f"{spec.name} is asked for twice, as {first.bare!r} and {spec.bare!r}",
                "both must hold; whoever changes one forgets the other",
                "keep one line",
                subject.drop(spec.mark) if same else (),
            )  # fmt: skip


def unpinned(subject: Subject) -> Iterator[Finding]:
    loose = [spec for spec in subject.file.conda if not spec.rest and spec.name != "pip"]
    loose_pip = [p for p in subject.file.pip_packages if p.kind == "package" and p.text == p.name]
    names = [spec.name for spec in loose] + [line.name for line in loose_pip]
    if names:
        first = loose[0].mark if loose else loose_pip[0].mark
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield Finding(
            "unpinned", "note", first or subject.whole,
            f"{names[0]}{more} may be of any version",
            "what is installed depends on the day",
            "`provision env lock` writes down today's answer",
        )  # fmt: skip
