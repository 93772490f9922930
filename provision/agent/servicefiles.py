"""The files of a model service: unit, environment, secrets, drop-ins."""

from __future__ import annotations

import os
import stat

from provision.agent import fs
from provision.agent.core import Fail
from provision.agent.servicetext import environment_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional

    from provision.agent.core import Args

RECORDS = "/var/lib/provision/services"
_VENDOR = ("/usr/lib/systemd/system", "/lib/systemd/system", "/usr/local/lib/systemd/system")
_OVERRIDES = ("/etc/systemd/system", "/etc/systemd/system.control", "/run/systemd/system")
_PERMISSIONS = {"unit": "0644 root root", "environment": "0600 root root"}


class Paths:
    """Where things lie; `provision.services.model.ServicePaths` says the same."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.unit = name + ".service"
        self.unit_file = "/etc/systemd/system/" + self.unit
        self.folder = "/etc/provision/services/" + name
        self.environment = self.folder + "/environment"
        self.secrets_file = self.folder + "/secrets"
        self.credentials = self.folder + "/credentials"
        self.record = "%s/%s.json" % (RECORDS, name)

    def vendor_unit(self) -> str:
        """The unit of that name that a package has installed; empty when there is none."""
        for folder in _VENDOR:
            path = folder + "/" + self.unit
            if os.path.lexists(path):
                return path
        return ""

    def overrides(self) -> List[str]:
        """Drop-ins for just this unit, which would change it without touching its file."""
        found = []
        for folder in _OVERRIDES:
            place = "%s/%s.d" % (folder, self.unit)
            try:
                names = sorted(os.listdir(place))
            except OSError:
                continue
            found += [place + "/" + name for name in names if name.endswith(".conf")]
        return found

    def remove_overrides(self) -> None:
        for path in self.overrides():
            os.unlink(path)
            try:
                os.rmdir(os.path.dirname(path))
            except OSError:
                pass  # there is something else in it


class Seen:
    """One file as it is. `text` is None for nothing, and says what is there if no file is."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.info = fs.lstat(path)
        self.text: Optional[str] = None
        self.sha256 = ""
        if self.info is None:
            return
        if stat.S_ISREG(self.info.st_mode):
            data = fs.read_bytes(path)
            self.text = data.decode("utf-8", "surrogateescape")
            self.sha256 = fs.sha256_bytes(data)
        elif stat.S_ISLNK(self.info.st_mode):
            target = os.readlink(path)
            self.text = "masked" if target == "/dev/null" else "-> " + target
        else:
            self.text = "a %s" % fs.kind_of(self.info)

    @property
    def permissions(self) -> Optional[str]:
        info = self.info
        if info is None or not stat.S_ISREG(info.st_mode):
            return None
        owner = "root" if info.st_uid == 0 else fs.user_name(info.st_uid)
        group = "root" if info.st_gid == 0 else fs.group_name(info.st_gid)
        return "%s %s %s" % (fs.mode_text(info.st_mode), owner, group)

    @property
    def identity(self) -> List[int]:
        """Another one for every change, also for those that set the time back."""
        info = self.info
        return [info.st_ino, info.st_mtime_ns, info.st_ctime_ns] if info else []

    @property
    def changed_at(self) -> float:
        """When it was last changed, as nobody can set back; 0 for nothing."""
        return self.info.st_ctime if self.info else 0.0


class Files:
    """All of them; keys of the state are `unit`, `environment`, `secret NAME`, …"""

    def __init__(self, args: Args, paths: Paths) -> None:
        self.args = args
        self.paths = paths
        self.secrets: Dict[str, str] = args.get("secrets") or {}
        self.in_environment = args.get("secret_delivery") == "environment"
        self.unit = self.environment = Seen("/dev/null/nothing")
        self.kept: Dict[str, Seen] = {}

    # -- observing --------------------------------------------------------------------

    def observe(self) -> Dict[str, Any]:
        self.unit = Seen(self.paths.unit_file)
        self.environment = Seen(self.paths.environment)
        self.kept = {}
        for key, path in self._secret_paths().items():
            self.kept[key] = Seen(path)
        found: Dict[str, Any] = {
            "unit": self.unit.text,
            "environment": self.environment.text,
            "overrides": self.paths.overrides() or None,
        }
        for name, seen in (("unit", self.unit), ("environment", self.environment)):
            found[name + " permissions"] = seen.permissions
        for key, seen in self.kept.items():
            found[key] = seen.sha256 or seen.text
            found[key + " permissions"] = seen.permissions
        return found

    def _secret_paths(self) -> Dict[str, str]:
        """What is there and what should be."""
        paths = {}
        try:
            names = sorted(os.listdir(self.paths.credentials))
        except OSError:
            names = []
        for name in names:
            if not name.startswith("."):
                paths["secret " + name] = self.paths.credentials + "/" + name
        if not self.in_environment:
            for name in self.secrets:
                paths["secret " + name] = self.paths.credentials + "/" + name
        if (self.in_environment and self.secrets) or os.path.lexists(self.paths.secrets_file):
            paths["secrets"] = self.paths.secrets_file
        return paths

    # -- what is wanted ---------------------------------------------------------------

    def secret_contents(self) -> Dict[str, str]:
        """Content for each key that holds secrets."""
        if not self.secrets:
            return {}
        if self.in_environment:
            return {"secrets": environment_text(self.secrets)}
        return {"secret " + name: value for name, value in self.secrets.items()}

    def secret_hashes(self) -> Dict[str, str]:
        return {key: _hash(text) for key, text in self.secret_contents().items()}

    def desired(self, observed: Mapping[str, Any], unit: str, environment: str) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {"unit": unit, "environment": environment, "overrides": None}
        hashes = self.secret_hashes()
        for key in self.kept:
            wanted[key] = hashes.get(key)
        for key, text in list(wanted.items()):
            # of a file that is written anyway nobody wants to read permissions
            if key != "overrides" and text is not None and observed[key] == text:
                wanted[key + " permissions"] = _PERMISSIONS.get(key, "0600 root root")
        return wanted

    # -- applying ---------------------------------------------------------------------

    def write(self, wanted: Mapping[str, Any], changes: List[str]) -> None:
        """Everything but the unit, which comes last."""
        if set(changes) & {"environment", *self.kept}:
            self._folders()
        if "environment" in changes:
            put(self.paths.environment, wanted["environment"], 0o600)
        contents = self.secret_contents()
        for key, seen in self.kept.items():
            if key in changes and key in contents:
                put(seen.path, contents[key], 0o600)
            elif key in changes:
                fs.remove_tree(seen.path)
        self._permit(changes)
        if "overrides" in changes:
            self.paths.remove_overrides()

    def _permit(self, changes: List[str]) -> None:
        """Owner and mode of files whose content may stay."""
        known = {"unit": self.unit, "environment": self.environment, **self.kept}
        for key, seen in known.items():
            if key + " permissions" in changes:
                os.chown(seen.path, os.geteuid(), os.getegid())
                os.chmod(seen.path, 0o644 if key == "unit" else 0o600)

    def write_unit(self, text: str) -> None:
        if fs.kind_of(fs.lstat(self.paths.unit_file)) == "directory":
            raise Fail("%s is a directory" % self.paths.unit_file)
        put(self.paths.unit_file, text, 0o644)

    def _folders(self) -> None:
        for path, mode in (
            (os.path.dirname(os.path.dirname(self.paths.folder)), 0o755),
            (os.path.dirname(self.paths.folder), 0o755),
            (self.paths.folder, 0o700),
            (self.paths.credentials, 0o700),
        ):
            if path == self.paths.credentials and (self.in_environment or not self.secrets):
                continue
            private_folder(path, mode)


def private_folder(path: str, mode: int) -> None:
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        info = os.lstat(path)
        if not stat.S_ISDIR(info.st_mode):
            raise Fail("%s is no directory" % path) from None
        if mode == 0o700 and (stat.S_IMODE(info.st_mode) != mode or info.st_uid != os.geteuid()):
            os.chown(path, os.geteuid(), os.getegid())
            os.chmod(path, mode)
    except OSError as exc:
        raise fs.cannot("create directory", path, exc) from None
    else:
        os.chmod(path, mode)


def put(path: str, text: str, mode: int) -> None:
    """Raises Fail."""
    try:
        with fs.Staged(path) as new:
            new.write(text.encode("utf-8", "surrogateescape"))
            new.commit(mode, os.geteuid(), os.getegid())
    except OSError as exc:
        raise fs.cannot("write", path, exc) from None


def _hash(text: str) -> str:
    return fs.sha256_bytes(text.encode("utf-8", "surrogateescape"))
