"""Builds a host's root file system once and keeps it for every lab on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from provision.errors import LabError
from provision.lab.commands import Commands
from provision.lab.files import locked
from provision.lab.mounts import unmount_below
from provision.lab.recipe import Recipe
from provision.lab.sources import debian_archives

__all__ = ["cache_directory", "ensure_rootfs"]

# The builder dies with us and takes its whole process tree and its mounts along.
_CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"),
)


def cache_directory() -> Path:
    return Path("/var/cache/provision")


def ensure_rootfs(
    recipe: Recipe, progress: Callable[[str], None], *, cache: Path | None = None
) -> Path:
    """The finished root file system of `recipe`, built when it is not there yet.

    A directory under its final name is always complete: it is made under another name and
    renamed when nothing is left to do. Raises LabError with the builder's last words.
    """
    cache = cache or cache_directory()
    final = cache / recipe.name
    if final.is_dir():
        return final
    lock = cache / f".{recipe.name}.lock"
    with locked(lock, waiting=lambda: progress(f"waiting for another build of {recipe.name}")):
        if final.is_dir():
            return final
        staged = cache / f".{recipe.name}.part"
        _discard(staged)
        kind = recipe.release if recipe.python else f"{recipe.release} without Python"
        progress(f"building the root file system for {kind} (about a minute, once)")
        _bootstrap(recipe, staged, cache)
        _finish(recipe, staged)
        Commands().run(["sync", "-f", str(staged)], timeout_s=300)
        staged.rename(final)
    return final


def _discard(staged: Path) -> None:
    unmount_below(staged)
    if staged.exists():
        shutil.rmtree(staged)


def _bootstrap(recipe: Recipe, staged: Path, cache: Path) -> None:
    archives = debian_archives()
    downloads = cache / "packages"
    downloads.mkdir(parents=True, exist_ok=True)
    try:
        Commands().run(
            [
                *_CONTAINED,
                "debootstrap",
                "--variant=minbase",
                f"--keyring={archives.keyring}",
                f"--cache-dir={downloads}",
                f"--include={','.join(recipe.packages)}",
                recipe.release,
                str(staged),
                archives.main,
            ],
            timeout_s=1800,
            environment=_proxy(),
            what=f"cannot build a root file system for {recipe.release}",
        )
    except LabError as exc:
        raise _explained(exc, recipe, archives.main, staged) from exc


def _explained(error: LabError, recipe: Recipe, archive: str, staged: Path) -> LabError:
    """debootstrap's complaints without its progress, and what they mean."""
    said = error.why.splitlines()
    complaints = [line for line in said if line.startswith(("E:", "W:"))]
    log = staged / "debootstrap/debootstrap.log"
    if any("release file" in line for line in complaints):
        complaints.insert(0, f"{archive} does not offer {recipe.release} (any more)")
        hint = "old releases leave the archive; try --release bookworm"
    else:
        if not complaints and log.is_file():
            complaints = log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
        hint = f"the whole log is in {log}" if log.is_file() else f"the archive is {archive}"
    return LabError(error.what, why="\n".join(complaints or said), hint=hint)


def _proxy() -> dict[str, str]:
    """apt's proxy setting, which debootstrap does not read by itself."""
    said = Commands().run(["apt-config", "shell", "PROXY", "Acquire::http::Proxy"])
    value = said.strip().removeprefix("PROXY=").strip("'")
    return {"http_proxy": value} if value and value != "DIRECT" else {}


def _finish(recipe: Recipe, root: Path) -> None:
    """Users, settings, and nothing that must differ from host to host."""
    commands = Commands()
    for user, password in recipe.users:
        _chroot(commands, root, ["useradd", "--create-home", "--shell", "/bin/bash", user])
        if password:
            _chroot(commands, root, ["chpasswd"], text=f"{user}:{password}\n")
    for user in recipe.sudo_users:
        _chroot(commands, root, ["usermod", "--append", "--groups", "sudo", user])
    for unit in recipe.masked:
        target = root / "etc/systemd/system" / unit
        target.unlink(missing_ok=True)
        target.symlink_to("/dev/null")
    for pattern in ("etc/ssh/ssh_host_*", "var/cache/apt/archives/*.deb", "var/log/*.log"):
        for path in root.glob(pattern):
            path.unlink()
    for path in (root / "var/lib/apt/lists").iterdir():
        if path.is_file() and path.name != "lock":
            path.unlink()
    for name, mode, text in recipe.files:
        path = root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
    (root / "etc/machine-id").write_text("", encoding="ascii")
    root.chmod(0o755)


def _chroot(commands: Commands, root: Path, argv: list[str], text: str = "") -> None:
    commands.run(["chroot", str(root), *argv], text=text, what=f"{argv[0]} failed in {root}")
