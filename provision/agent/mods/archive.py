"""Files packed into an archive.

args: path (a list), dest, format, exclude_path, exclusion_patterns, force_archive, remove, and
what `Perms` takes.
"""

from __future__ import annotations

import os
import stat

from provision.agent import core, fs, install
from provision.agent.core import Fail
from provision.agent.perms import Missing, Perms, describe, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Dict, List, Optional, Sequence, Tuple

    from provision.agent.core import Args, Context, Observed, Result

_MODES = {"gz": "gz", "bz2": "bz2", "xz": "xz", "tar": ""}


class Packing:
    """What goes into the archive: (name in it, path), in order."""

    def __init__(self, args: Args) -> None:
        import glob

        self.args = args
        self.paths: List[str] = []
        self.missing: List[str] = []
        for said in args["path"]:
            path = fs.expand(said)
            found = sorted(glob.glob(path)) if glob.has_magic(path) else [path]
            here = [each for each in found if os.path.lexists(each)]
            self.paths += here
            if not here:
                self.missing.append(path)
        excluded = [fs.expand(path) for path in args.get("exclude_path") or ()]
        self.excluded = [p for path in excluded for p in (glob.glob(path) or [path])]
        self.paths = [path for path in self.paths if not self._left_out(path)]
        single = len(self.paths) == 1 and len(args["path"]) == 1
        self.compress_only = (
            single
            and not args.get("force_archive")
            and os.path.isfile(self.paths[0])
            and args["format"] not in ("tar", "zip")
        )
        self.root = self._root()
        self.members = [] if self.compress_only else self._members()

    def _left_out(self, path: str) -> bool:
        from fnmatch import fnmatch

        if any(path == out or path.startswith(out.rstrip("/") + "/") for out in self.excluded):
            return True
        patterns = self.args.get("exclusion_patterns") or ()
        return any(fnmatch(path, p) or fnmatch(os.path.basename(path), p) for p in patterns)

    def _root(self) -> str:
        parents = [os.path.dirname(path.rstrip("/")) for path in self.paths]
        if not parents:
            return "/"
        if len(self.args["path"]) == 1 and len(parents) == 1 and self.args["path"][0][-1:] == "/":
            return self.paths[0]
        return os.path.commonpath(parents).rstrip("/") + "/"

    def _members(self) -> List[Tuple[str, str]]:
        found: List[Tuple[str, str]] = []
        for path in self.paths:
            below = [path]
            if os.path.isdir(path) and not os.path.islink(path):
                below += sorted(fs.children(path))
            for each in below:
                name = os.path.relpath(each, self.root)
                if name != "." and not self._left_out(each) and each != self.dest():
                    found.append((name, each))
        return found

    def dest(self) -> str:
        if self.args.get("dest"):
            said: str = self.args["dest"]
            return fs.expand(said)
        path = (self.paths or self.missing)[0].rstrip("/")
        form: str = self.args["format"]
        plain = os.path.isfile(path) and not self.args.get("force_archive")
        return path + ("." + form if form in ("zip", "tar") or plain else ".tar." + form)

    # -- what there is and what there would be ----------------------------------------

    def wanted(self) -> Dict[str, str]:
        """Member → what it is: mode and content."""
        if self.compress_only:
            return {"": fs.sha256_file(self.paths[0])}
        zipped = self.args["format"] == "zip"
        return {name: _kind(path, zipped) for name, path in self.members}

    def there(self, path: str) -> Optional[Dict[str, str]]:
        """The same of an archive that is there; None for what cannot be read as one."""
        try:
            if self.compress_only:
                with _opened(path, self.args["format"], "rb") as stream:
                    return {"": _hash(stream)}
            return _zipped(path) if self.args["format"] == "zip" else _tarred(path)
        except Exception:  # damaged, or something else: it will be replaced
            return None

    def write(self, path: str) -> None:
        form = self.args["format"]
        if self.compress_only:
            with open(self.paths[0], "rb") as source, _opened(path, form, "wb") as stream:
                while piece := source.read(fs.PIECE):
                    stream.write(piece)
        elif form == "zip":
            import zipfile

            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as target:
                for name, source_path in self.members:
                    target.write(source_path, name)
        else:
            import tarfile

            with tarfile.open(path, "w:" + _MODES[form]) as tar:  # type: ignore[call-overload]
                for name, source_path in self.members:
                    tar.add(source_path, name, recursive=False)


def _opened(path: str, form: str, mode: str) -> IO[bytes]:
    from importlib import import_module

    module: Any = import_module({"gz": "gzip", "bz2": "bz2", "xz": "lzma"}[form])
    opened: IO[bytes] = module.open(path, mode)
    return opened


def _hash(stream: Any) -> str:
    digest = fs.new_sha256(fs.PIECE)
    while piece := stream.read(fs.PIECE):
        digest.update(piece)
    return str(digest.hexdigest())


def _kind(path: str, zipped: bool) -> str:
    info = os.lstat(path)
    if stat.S_ISLNK(info.st_mode) and not zipped:
        return "link " + os.readlink(path)
    if zipped and stat.S_ISLNK(info.st_mode):
        info = os.stat(path)
    mode = "%04o " % stat.S_IMODE(info.st_mode)
    return mode + (fs.sha256_file(path) if stat.S_ISREG(info.st_mode) else "special")


def _tarred(path: str) -> Dict[str, str]:
    import tarfile

    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            if member.issym():
                found[member.name] = "link " + member.linkname
                continue
            stream = tar.extractfile(member) if member.isfile() or member.islnk() else None
            text = _hash(stream) if stream is not None else "special"
            found[member.name] = "%04o %s" % (member.mode & 0o7777, text)
    return found


def _zipped(path: str) -> Dict[str, str]:
    import zipfile

    found = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            text = "special"
            if not member.is_dir():
                with archive.open(member) as stream:
                    text = _hash(stream)
            mode = (member.external_attr >> 16) & 0o7777
            found[member.filename.rstrip("/")] = "%04o %s" % (mode, text)
    return found


class Packed(core.State):
    """members of the archive; sources: those that are to be removed."""

    def __init__(self, ctx: Context, args: Args, packing: Packing) -> None:
        self.ctx = ctx
        self.args = args
        self.packing = packing
        self.path = packing.dest()
        self.perms = Perms(ctx, args)
        self.members = packing.wanted() if packing.paths else None

    def observe(self) -> Dict[str, Any]:
        self.info = fs.lstat(self.path)
        seen = self.perms.observe(self.path, self.info)
        seen["members"] = None if self.info is None else self.packing.there(self.path)
        if self.args.get("remove"):
            seen["sources"] = [path for path in self.packing.paths if os.path.lexists(path)]
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = {}
        if self.members is not None:
            wanted["members"] = self.members
        if self.info is not None or self.members is not None:
            wanted.update(self.perms.desired(observed, self.path, self.info, False))
        if self.args.get("remove"):
            wanted["sources"] = []
        return wanted

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        if key == "members":
            before, after = (None if m is None else sorted(m) for m in (before, after))
        return {"key": key, "before": before, "after": after}

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        if "members" in changes:
            install.require_parent(self.path)
            here = os.stat(self.path) if os.path.isfile(self.path) else None
            try:
                with fs.Staged(self.path) as new:
                    self.packing.write(new.temp)
                    mode = self.perms.mode_for(here, False)
                    new.commit(mode, self.perms.uid(), self.perms.gid(), like=here)
            except OSError as exc:
                raise fs.cannot("write", self.path, exc, dest=self.path) from None
            self.perms.finish(self.path)
        else:
            rest = [key for key in changes if key != "sources"]
            self.perms.apply(self.path, wanted, rest)
        if "sources" in changes:
            for path in observed["sources"]:
                fs.remove_tree(path)

    def data(self, observed: Observed) -> Dict[str, Any]:
        packing = self.packing
        state = "absent" if observed.get("members") is None else "archive"
        if state == "archive" and packing.compress_only:
            state = "compress"
        if state == "archive" and packing.missing:
            state = "incomplete"
        return {
            **describe(self.path, fs.lstat(self.path)),
            "dest": self.path,
            "dest_state": state,
            "archived": [path for _, path in packing.members] or list(packing.paths),
            "arcroot": packing.root,
            "missing": packing.missing,
            "expanded_paths": packing.paths,
            "expanded_exclude_paths": packing.excluded,
        }


def main(ctx: Context, args: Args) -> Result:
    packing = Packing(args)
    gone = not packing.paths and os.path.lexists(packing.dest())
    if not packing.paths and not (gone and args.get("remove")):
        words = "Error, no source paths were found"
        if ctx.check:
            return settle(ctx, _Nothing(Missing(words)), Perms(ctx, args))
        raise Fail(words, missing=packing.missing)
    state = Packed(ctx, args, packing)
    return settle(ctx, state, state.perms)


class _Nothing(core.State):
    def __init__(self, why: Missing) -> None:
        self.why = why

    def observe(self) -> Dict[str, Any]:
        raise self.why
