"""provision env lock."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provision.cli.envs.common import channel_map, notice, source_options
from provision.errors import EnvironmentFileError, InputError, Mark

if TYPE_CHECKING:
    from provision.conda.forms import Input
    from provision.conda.lock import Lock
    from provision.conda.lockfile import LockFile
    from provision.conda.locking import Locking
    from provision.conda.platforms import Platform

__all__ = ["command"]

_FORMATS = ["provision", "explicit", "conda-lock", "pixi"]
_GLIBC = "2.28"  # of the oldest distributions that are still looked after
_KERNEL = "4.18"  # theirs
_SHOWN = 12  # changes told one by one


def _platforms(given: Mapping[str, Any], found: Input, old: LockFile | None) -> list[Platform]:
    """Those that are asked for, else those of the lock there is, else linux-64."""
    from provision.conda.lockfile import LockFile
    from provision.conda.locking import platform_of
    from provision.conda.platforms import Platform

    glibc = given["glibc"] or _GLIBC
    said = bool(given["platforms"] or given["cudas"] or given["glibc"] or given["archspec"])
    if old is not None and not said:
        return [platform_of(lock) for lock in old.locks]
    names = given["platforms"]
    if not names and isinstance(found, LockFile):
        names = tuple(lock.platform for lock in found.locks)
    cudas = ["" if cuda == "none" else cuda for cuda in given["cudas"]] or [""]
    return [
        Platform(name, glibc, _KERNEL, cuda, given["archspec"])
        for name in dict.fromkeys(names or ("linux-64",))
        for cuda in dict.fromkeys(cudas)
    ]


def _locking(given: Mapping[str, Any], platforms: Sequence[Platform]) -> Locking:
    from provision.conda.locking import Locking

    return Locking(
        platforms=platforms,
        channels=channel_map(given),
        channel_names=given["channels"],
        priority=given["channel_priority"],
        index_url=given["index_url"],
        pip=given["pip"],
        sdists=given["sdists"],
        accept_terms=given["accept_defaults_terms"],
        notice=notice,
    )


def _old(path: Path) -> LockFile | None:
    """The lock there is; None where there is none, or one that cannot be used any more."""
    from provision.conda.forms import read_locks

    if not path.exists():
        return None
    try:
        return read_locks(path)
    except EnvironmentFileError:
        return None


def _check(found: Input, file: Path, target: Path, as_json: bool) -> int:
    """Whether the lock answers the file as it is now."""
    from provision.conda.forms import read_locks
    from provision.conda.locking import asked_by

    changes: list[str]
    if not target.exists():
        changes = ["there is no lock"]
    else:
        changes = read_locks(target).asked.changes(asked_by(found, file))
    if as_json:
        click.echo(json.dumps({"type": "check", "lock": str(target), "fresh": not changes,
                               "changes": changes}))  # fmt: skip
    elif changes:
        click.echo(f"{target} is stale: {'; '.join(changes[:_SHOWN])}")
        click.echo(f"  provision env lock {file}")
    else:
        click.echo(f"{target} is up to date")
    return 3 if changes else 0


def _fresh(old: LockFile | None, found: Input, file: Path, how: Locking) -> bool:
    """Whether the lock there is answers what is asked now, options included."""
    from provision.conda.locking import asked_by, platform_of

    if old is None or old.asked.changes(asked_by(found, file)):
        return False
    if [platform_of(lock) for lock in old.locks] != list(how.platforms):
        return False
    names = [(name, None) for name in how.channel_names or old.asked.channels]
    kept = [pair for pair in names if pair[0] != "nodefaults"] or [("conda-forge", None)]
    urls = tuple(channel.url for channel in how.channels.resolve_all(kept))
    return all(
        lock.channel_priority == how.priority and set(urls) <= set(lock.channels)
        for lock in old.locks
    )


def _differences(before: LockFile | None, after: LockFile) -> list[str]:
    from provision.conda.compare import compare
    from provision.conda.locking import platform_of, platform_words

    lines: list[str] = []
    if before is None:
        return lines
    old = {platform_of(lock): lock for lock in before.locks}
    for lock in after.locks:
        was = old.get(platform_of(lock))
        if was is None:
            continue
        changes = compare(was.packages(), lock)
        where = f" for {platform_words(platform_of(lock))}" if len(after.locks) > 1 else ""
        lines += [
            f"  {c.manager} {c.name}: {c.before or 'none'} → {c.after or 'none'}{where}"
            for c in changes
        ]
    return lines


def _counted(lock: Lock) -> str:
    from provision.conda.locking import platform_of, platform_words

    pip = f" and {len(lock.pip)} pip" if lock.pip else ""
    conda = f"{len(lock.conda)} conda{pip} packages"
    return f"{conda} for {platform_words(platform_of(lock))}"


def _tell(target: Path, whole: LockFile, changes: Sequence[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({
            "type": "lock", "lock": str(target), "changes": [c.strip() for c in changes],
            "locks": [{"platform": lock.platform, "conda": len(lock.conda), "pip": len(lock.pip),
                       "content": lock.content} for lock in whole.locks],
        }, ensure_ascii=False))  # fmt: skip
        return
    click.echo(f"{target}: " + "; ".join(_counted(lock) for lock in whole.locks))
    for line in changes[:_SHOWN]:
        click.echo(line)
    if len(changes) > _SHOWN:
        click.echo(f"  and {len(changes) - _SHOWN} more")


def _write(target: Path, text: str) -> None:
    from provision.conda.files import write_whole

    try:
        write_whole(target, text)
    except OSError as exc:
        raise InputError(
            "cannot write the lock", mark=Mark(str(target)), why=exc.strerror or ""
        ) from exc


@click.command(name="lock")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--platform",
    "platforms",
    multiple=True,
    metavar="SUBDIR",
    help="linux-64 unless said; may be repeated.",
)
@click.option(
    "--cuda",
    "cudas",
    multiple=True,
    metavar="VERSION",
    help="What the nodes' driver runs, `none` for nodes without; repeat it for both.",
)
@click.option("--glibc", metavar="VERSION", help=f"Of the oldest hosts. [default: {_GLIBC}]")
@click.option("--archspec", default="", metavar="NAME", help="Microarchitecture of the hosts.")
@click.option("--channel", "-c", "channels", multiple=True, help="Instead of the file's.")
@click.option(
    "--channel-priority",
    type=click.Choice(["flexible", "strict", "disabled"]),
    default="flexible",
    show_default=True,
)
@source_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="LOCK",
    help="Instead of beside FILE; - for standard output.",
)
@click.option(
    "--format", "form", type=click.Choice(_FORMATS), default="provision", show_default=True
)
@click.option("--check", is_flag=True, help="Only say whether the lock is stale: exit 3 if so.")
@click.option("--update", is_flag=True, help="Solve again although nothing has changed.")
@click.option("--python", default="", metavar="VERSION", help="For requirements files.")
@click.option("--environment", default="", metavar="NAME", help="Of a pixi lock with several.")
@click.option(
    "--no-pip",
    "pip",
    is_flag=True,
    flag_value=False,
    default=True,
    help="Leave the pip section out.",
)
@click.option("--sdists", is_flag=True, help="Take pip packages without a wheel, too.")
@click.option(
    "--accept-defaults-terms", is_flag=True, help="The vendor's terms for `defaults` are accepted."
)
@click.option("--json", "as_json", is_flag=True, help="What was done, as JSON.")
def command(file: Path, form: str, output: Path | None, **given: Any) -> int:
    """Solve FILE once and write down every package with its hash.

    FILE is an environment.yml, or what other tools write: an @EXPLICIT list, `conda list
    --export`, conda-lock's or pixi's lock, a requirements.txt. The lock stands beside it:
    bert.yml → bert.lock.yml, which `conda_env` then takes instead of solving.
    """
    from provision.conda.forms import form_path, form_text, read_input
    from provision.conda.lockfile import LockFile
    from provision.conda.locking import make_locks

    found = read_input(file, python=given["python"], environment=given["environment"])
    beside = form_path(file, "provision", "")
    to_stdout = output is not None and str(output) == "-"
    ours = form == "provision"
    target = output if output is not None else beside
    old = _old(target) if ours and not to_stdout else _old(beside)
    how = _locking(given, _platforms(given, found, old))
    if output is None and not ours:
        target = form_path(file, form, "_".join(dict.fromkeys(p.subdir for p in how.platforms)))
    own = ours and output is None and isinstance(found, LockFile) and bool(found.asked.digest)
    if own or target.absolute() == file.absolute():
        raise InputError("FILE is a lock already", hint="say -o for another form of it")
    if given["check"]:
        if not ours:
            raise InputError("--check looks at our own locks", hint="leave --format out")
        return _check(found, file, target, given["as_json"])
    if old is not None and not given["update"] and _fresh(old, found, file, how):
        whole = old
        if ours and not to_stdout:
            if not given["as_json"]:
                click.echo(f"{target} is up to date; --update solves again")
            else:
                _tell(target, whole, [], as_json=True)
            return 0
    else:
        whole = make_locks(found, file, how)
    text = form_text(whole, form)
    if to_stdout:
        click.echo(text, nl=False)
        return 0
    _write(target, text)
    _tell(target, whole, _differences(old, whole) if ours else [], given["as_json"])
    if form == "explicit" and whole.locks[0].pip:
        click.echo("conda does not install pip packages from such a list", err=True)
    return 0
