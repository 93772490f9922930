"""Generations of an environment: what was when, the way back, and the end of what nobody needs."""

from __future__ import annotations

import os

from provision.agent import condaprefix, core, fs
from provision.agent.condaenv import Seen
from provision.agent.condalist import envs_dirs, names_with_generations
from provision.agent.condaset import differences
from provision.agent.core import Fail
from provision.agent.generations import UNIT_FOLDERS, Generations, in_use, made, remove
from provision.agent.hostlock import HostLock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Tuple

    from provision.agent.core import Args, Context, Result

_SHOWN = 5


def _same(one: str, other: str) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _packages(prefix: str) -> condaprefix.PackageSet:
    records, _ = condaprefix.read_records(prefix)
    return condaprefix.read_set(prefix, records)


def history(generations: Generations) -> List[Dict[str, Any]]:
    """The newest first: generation, path, built, current, finished, used (by a process or a
    unit), packages (how many), changes (against the one before; see `condaset.differences`)."""
    current = generations.current()
    paths = sorted(generations.all(), key=made)
    if current and os.path.realpath(current) not in map(os.path.realpath, paths):
        paths.append(current)
    found: List[Dict[str, Any]] = []
    before: Optional[condaprefix.PackageSet] = None
    for path in paths:
        finished = path == current or generations.finished(path)
        packages = _packages(path) if finished else {}
        found.append(
            {
                "generation": os.path.basename(path),
                "path": path,
                "built": made(path),
                "current": bool(current) and _same(path, current or ""),
                "finished": finished,
                "used": in_use(path),
                "packages": len(packages),
                "changes": [] if before is None else differences(before, packages),
            }
        )
        if finished:
            before = packages
    return found[::-1]


# -- the way back -----------------------------------------------------------------------


def _before(generations: Generations, current: str) -> str:
    """The finished generation that was built last before the current one."""
    older = [
        path
        for path in generations.all()
        if generations.finished(path)
        and os.path.realpath(path) != current
        and made(path) < made(current)
    ]
    if not older:
        raise Fail("%s has no older generation to go back to" % generations.name)
    return max(older, key=made)


def _named(generations: Generations, to: str) -> str:
    for path in generations.all():
        entry = os.path.basename(path)
        if entry == to or entry == "%s-%s" % (generations.name, to):
            return path
    names = [os.path.basename(path) for path in generations.all()]
    raise Fail("no generation %s; there are %s" % (to, ", ".join(names) or "none"))


def _require_whole(generations: Generations, path: str) -> None:
    """A damaged generation is nothing to go back to."""
    if not generations.finished(path):
        raise Fail("%s was never finished" % os.path.basename(path))
    seen = Seen(path, "files")
    note = condaprefix.read_note(path)
    if note and seen.digest != note.get("digest"):
        seen.problems.append("its packages are not those it was built with")
    if seen.problems:
        shown = "; ".join(seen.problems[:_SHOWN])
        raise Fail("%s is damaged: %s" % (os.path.basename(path), shown))


def roll_back(ctx: Context, args: Args, generations: Generations) -> Result:
    kind = generations.kind()
    if kind not in ("link", "directory"):
        raise Fail("%s is not there" % generations.link)
    current = generations.current()
    if kind == "directory" or not current:
        raise Fail("%s was not made in generations, so there is no way back" % generations.link)
    target = _named(generations, args["to"]) if args.get("to") else _before(generations, current)
    name = os.path.basename(target)
    facts: Dict[str, Any] = {"path": generations.link, "generation": name, "built": made(target)}
    if _same(target, current):
        return core.ok("%s is current" % name, **facts)
    _require_whole(generations, target)
    diff = [{"key": "generation", "before": os.path.basename(current), "after": name}]
    facts["packages"] = differences(_packages(current), _packages(target))
    facts["units"] = units_of(generations)
    if ctx.check:
        return core.changed(diff, **facts)
    wait = float(args.get("lock_wait_s") or 600)
    with HostLock(ctx, generations.lock_path, "the environment " + generations.name, wait):
        now = generations.current()
        if now is None or not _same(now, current):
            raise Fail("somebody else has just moved %s" % generations.name)
        generations.switch(target)
    after = generations.current()
    if after is None or not _same(after, target):
        raise Fail("the name was moved, and the host does not show it", diff=diff)
    return core.changed(diff, **facts)


def units_of(generations: Generations) -> List[str]:
    """systemd units that run something of this environment: by its name, or a generation's."""
    needles = [generations.link + "/", os.path.join(generations.folder, generations.name + "-")]
    found: Dict[str, None] = {}
    for folder in UNIT_FOLDERS:
        for path in fs.children(folder):
            if not path.endswith((".service", ".conf")) or os.path.islink(path):
                continue
            try:
                text = fs.read_bytes(path).decode("utf-8", "surrogateescape")
            except OSError:
                continue
            if any(needle in text for needle in needles):
                name = os.path.relpath(path, folder).partition("/")[0]
                found.setdefault(name[:-2] if name.endswith(".d") else name)
    return sorted(found)


# -- collecting -------------------------------------------------------------------------


def collect(ctx: Context, args: Args) -> Result:
    """Of one environment or of all: half-made prefixes, what `keep` leaves, and generations
    whose name is gone."""
    keep = int(args.get("keep", 2))
    gone: List[Dict[str, Any]] = []
    stayed: List[str] = []
    for folder in envs_dirs(args.get("conda"), args.get("envs_dir")):
        for name in names_with_generations(folder):
            if args.get("name") in (None, "", name):
                went, used = _collect_one(ctx, Generations(folder, name), keep)
                gone += went
                stayed += used
    diff = [{"key": item["generation"], "before": "present", "after": None} for item in gone]
    freed = sum(item["bytes"] for item in gone)
    if not gone:
        return core.ok(removed=[], freed=0, used=stayed)
    return core.changed(diff, removed=gone, freed=freed, used=stayed)


def _collect_one(
    ctx: Context, generations: Generations, keep: int
) -> Tuple[List[Dict[str, Any]], List[str]]:
    if ctx.check:
        return _collectable(generations, keep)
    with HostLock(ctx, generations.lock_path, "the environment " + generations.name, 600):
        gone, used = _collectable(generations, keep)
        for number, item in enumerate(gone):
            ctx.progress(phase="remove", done=number, total=len(gone), unit="generations")
            remove(item["path"])
    return gone, used


def _collectable(generations: Generations, keep: int) -> Tuple[List[Dict[str, Any]], List[str]]:
    """What goes, with the bytes that frees, and the names of those that stay for being used."""
    current = generations.current()
    gone = generations.collectable(keep if current is not None else 0)
    others = [path for path in generations.all() if path not in gone and path != current]
    used = [os.path.basename(path) for path in others if in_use(path)]
    return [
        {"generation": os.path.basename(path), "path": path, "bytes": _frees(path)} for path in gone
    ], used


def _frees(prefix: str) -> int:
    """Bytes that its removal gives back: of files that are linked from nowhere else."""
    total = 0
    for path in fs.children(prefix):
        info = fs.lstat(path)
        if info is not None and info.st_nlink == 1 and fs.kind_of(info) == "file":
            total += info.st_blocks * 512
    return total
