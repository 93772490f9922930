"""A directory with given content: what `copy` of a directory sends.

args: dest, name (a directory in dest, empty for dest itself), folders [path], links {path:
target}, files [[path, sha256, size, mode or None]], directory_mode, force, follow, backup,
unsafe_writes, and what `Perms` takes. Paths are relative. What is there besides stays.
"""

from __future__ import annotations

import os

from provision.agent import fs
from provision.agent.perms import Perms, settle, shortened
from provision.agent.treestate import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, Iterator, Tuple

    from provision.agent.core import Args, Context, Result


def main(ctx: Context, args: Args) -> Result:
    def fetch(wanted: Dict[str, str]) -> Iterator[Tuple[str, Iterable[bytes]]]:
        return ctx.receive_blobs(list(wanted))

    top = os.path.join(fs.expand(args["dest"]), args.get("name") or "")
    state = Tree(ctx, args, top.rstrip("/") or "/", Perms(ctx, args), fetch)
    result = shortened(settle(ctx, state, state.perms))
    result["data"].setdefault("dest", fs.expand(args["dest"]))
    return result
