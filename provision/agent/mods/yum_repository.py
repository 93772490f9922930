"""A source of packages for yum and dnf: one section of a file.

args: name, path, state, options (text by key), and what `Perms` takes.
"""

from __future__ import annotations

from provision.agent import fs
from provision.agent.perms import Perms, settle
from provision.agent.wholefiles import Files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Tuple

    from provision.agent.core import Args, Context, Result


def _sections(text: str) -> List[Tuple[str, List[str]]]:
    """(name, lines with the head) in order; what stands before the first has an empty name."""
    found: List[Tuple[str, List[str]]] = [("", [])]
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        if bare.startswith("[") and bare.endswith("]"):
            found.append((bare[1:-1], []))
        found[-1][1].append(line)
    return found


def _options(lines: List[str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    last = ""
    for line in lines[1:]:
        if not line.strip() or line[:1] in "#;":
            continue
        if line[:1] in " \t" and last:
            found[last] += "\n" + line.strip()
            continue
        key, _, value = line.partition("=")
        last = key.strip()
        found[last] = value.strip()
    return {key: value.strip() for key, value in found.items()}


def _section(name: str, options: Dict[str, str]) -> List[str]:
    lines = ["[%s]\n" % name]
    for key in sorted(options):
        lines.append("%s = %s\n" % (key, options[key].replace("\n", "\n\t")))
    return [*lines, "\n"]


def _content(args: Args, old: Optional[bytes]) -> Optional[bytes]:
    name: str = args["name"]
    sections = _sections((old or b"").decode("utf-8", "surrogateescape"))
    here = [lines for section, lines in sections if section == name]
    if args["state"] == "absent":
        if not here:
            return old
        kept = [(section, lines) for section, lines in sections if section != name]
        if not any(section for section, _ in kept):
            return None
    elif len(here) == 1 and _options(here[0]) == args["options"]:
        return old
    elif here:
        new = _section(name, args["options"])
        kept = [(s, new if s == name else lines) for s, lines in sections]
    else:
        last = sections[-1][1]
        if last and not last[-1].endswith("\n"):
            last[-1] += "\n"
        if last and last[-1].strip():
            last.append("\n")
        kept = [*sections, (name, _section(name, args["options"]))]
    text = "".join(line for _, lines in kept for line in lines)
    return text.encode("utf-8", "surrogateescape")


def main(ctx: Context, args: Args) -> Result:
    path = args["path"]
    try:
        old: Optional[bytes] = fs.read_bytes(path)
    except FileNotFoundError:
        old = None
    perms = Perms(ctx, args)
    state = Files(ctx, {path: _content(args, old)}, perms, path)
    if any(args["options"].get(key) for key in ("password", "proxy_password")):
        state.secret = (path, "content")
    result = settle(ctx, state, perms)
    result["data"].update(repo=args["name"], state=args["state"])
    return result
