"""A file of the fragments in a directory of the host.

args: src, delimiter, regexp, ignore_hidden, and what `content` takes but for the content.
"""

from __future__ import annotations

import os

from provision.agent import core, fs
from provision.agent.core import Fail
from provision.agent.mods.content import Content

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, List

    from provision.agent.core import Args, Context, Observed, Result


def _fragments(args: Args, src: str) -> List[bytes]:
    wanted: Any = None
    if args.get("regexp"):
        import re

        wanted = re.compile(args["regexp"])
    found = []
    for name in sorted(os.listdir(src)):
        path = os.path.join(src, name)
        if not os.path.isfile(path) or (args.get("ignore_hidden") and name.startswith(".")):
            continue
        if wanted is None or wanted.search(name):
            found.append(fs.read_bytes(path))
    return found


class _Assembled(Content):
    def __init__(self, ctx: Context, args: Args, content: bytes, src: str) -> None:
        self.content = content
        self.source = src
        sent = {**args, "sha256": fs.sha256_bytes(content), "size": len(content)}
        Content.__init__(self, ctx, sent)

    def parts(self) -> Iterable[bytes]:
        return [self.content]

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        entry = Content.difference(self, key, before, after)
        if key == "content":
            entry["after"] = fs.content_diff(self.before, self.content)["after"]
        return entry

    def data(self, observed: Observed) -> Dict[str, Any]:
        values = Content.data(self, observed)
        values.update(src=self.source, checksum=fs.sha1_bytes(self.content))
        return values


def main(ctx: Context, args: Args) -> Result:
    from provision.agent import fragments

    src = fs.expand(args["src"])
    if not os.path.isdir(src):
        what = "is not a directory" if os.path.exists(src) else "does not exist"
        if ctx.check and not os.path.exists(src):
            return core.unknown("Source (%s) %s unless a task before makes it" % (src, what))
        raise Fail("Source (%s) %s" % (src, what), src=src)
    try:
        content = fragments.join(_fragments(args, src), args.get("delimiter"))
    except OSError as exc:
        where = os.fsdecode(exc.filename) if exc.filename else src
        raise fs.cannot("read", where, exc, src=src) from None
    return _Assembled(ctx, args, content, src).settled()
