"""Several files whose whole content is wanted, or which are not to be there."""

from __future__ import annotations

import os

from provision.agent import core, fs, install

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Mapping, Optional, Sequence

    from provision.agent.core import Context, Observed
    from provision.agent.perms import Perms


class Files(core.State):
    """Keys are paths, values contents; None is no file. `perms` are those of `main`."""

    def __init__(
        self,
        ctx: Context,
        wanted: Mapping[str, Optional[bytes]],
        perms: Optional[Perms] = None,
        main: str = "",
        mode: int = 0o644,
    ) -> None:
        self.ctx = ctx
        self.wanted = dict(wanted)
        self.perms = perms
        self.main = main
        self.mode = mode
        self.info: Optional[os.stat_result] = None

    def observe(self) -> Dict[str, Any]:
        seen: Dict[str, Any] = {}
        for path in self.wanted:
            try:
                seen[path] = fs.read_bytes(path)
            except FileNotFoundError:
                seen[path] = None
            except OSError as exc:
                raise fs.cannot("read", path, exc, path=path) from None
        if self.perms is not None:
            self.info = fs.lstat(self.main)
            seen.update(self.perms.observe(self.main, self.info))
        return seen

    def desired(self, observed: Observed) -> Dict[str, Any]:
        wanted: Dict[str, Any] = dict(self.wanted)
        if self.perms is not None and self.wanted.get(self.main, b"") is not None:
            wanted.update(self.perms.desired(observed, self.main, self.info, False))
        return wanted

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        if key not in self.wanted:
            return {"key": key, "before": before, "after": after}
        entry = fs.content_diff(before, after)
        if key != self.main:
            entry["key"] = key
        return entry

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        for path in self.wanted:
            if path in changes:
                self.put(path, wanted[path])
        rest = [key for key in changes if key not in self.wanted]
        if self.perms is not None and rest and os.path.exists(self.main):
            info = os.stat(self.main)
            now = self.perms.observe(self.main, info)
            self.perms.apply(self.main, wanted, [k for k in rest if now.get(k) != wanted[k]])

    def put(self, path: str, content: Optional[bytes]) -> None:
        """Writes or removes one file. Raises Fail."""
        if content is None:
            try:
                fs.remove_tree(path)
            except OSError as exc:
                raise fs.cannot("remove", path, exc, path=path) from None
            return
        install.make_directories(os.path.dirname(path))
        here = os.stat(path) if os.path.exists(path) else None
        mode = self.mode
        if path == self.main and self.perms is not None and self.perms.mode is not None:
            mode = self.perms.mode_for(here, False)
        elif here is not None:
            mode = here.st_mode & 0o7777
        install.install(self.ctx, path, lambda: [content], mode, like=here)
