"""What is sent to a host to make an agent there, byte by byte.

1. The command: `exec /bin/sh -c 'for p in "$@"; … exec "$p" -I -S -c BOOT' sh python3 …`.
   It takes the first interpreter that exists. BOOT is a few lines that any Python
   understands; they say so when it is too old.
2. On standard input: 4 bytes of this controller's bytecode magic, two 4-byte big-endian
   lengths, then two bundles. The first is bytecode, used when the host's interpreter has the
   same magic (nothing to compile: 15 ms saved a host); the second is source. A bundle is
   zlib over marshal over a list of (module name, code or source).
3. Frames, as `provision.agent.core` describes. They follow at once, nobody waits for BOOT.
"""

from __future__ import annotations

import importlib.util
import marshal
import re
import shlex
import threading
import types
import zlib
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib.abc import InspectLoader
from importlib.util import MAGIC_NUMBER
from typing import Any

__all__ = ["INTERPRETERS", "bundles", "command", "mods_closure", "packed_source", "preamble"]

#: Where a usable Python is looked for, in this order.
INTERPRETERS = (
    "python3",
    "/usr/bin/python3",
    "/usr/libexec/platform-python",
    "/opt/miniconda3/bin/python",
)
NO_PYTHON = b"PROVISION-NO-PYTHON"
OLD_PYTHON = b"PROVISION-OLD-PYTHON"

_BOOT = r"""
import sys,os
if sys.version_info<(3,8):
 v=sys.version_info[:2]+(sys.executable,)
 os.write(1,("PROVISION-OLD-PYTHON %d.%d %s\n"%v).encode());sys.exit(126)
import marshal,zlib
def r(n):
 b=b""
 while len(b)<n:
  d=os.read(0,n-len(b))
  if not d:sys.exit(1)
  b+=d
 return b
h=r(12);I=int.from_bytes
c=r(I(h[4:8],"big"));s=r(I(h[8:],"big"))
if h[:4]!=sys.modules["_frozen_importlib_external"].MAGIC_NUMBER:c=s
class F:
 def find_spec(f,n,p=None,t=None):
  if n in f.have:return S(n,f,is_package=not f.have[n])
 def create_module(f,s):pass
 def exec_module(f,m):
  c=f.have[m.__name__]
  if c:
   c=marshal.loads(c)
   if type(c) is str:c=compile(c,m.__name__,"exec",dont_inherit=True)
   exec(c,m.__dict__)
S=sys.modules["_frozen_importlib"].ModuleSpec
f=F();f.have=marshal.loads(zlib.decompress(c));sys.meta_path.insert(0,f)
from provision.agent.core import serve
serve()
""".strip()

# On one line: csh-like login shells cannot have newlines in a word.
_BOOT_LINE = f"exec({_BOOT!r})"

_LOOK = (
    'b=$1; shift; for p in "$@"; do command -v "$p" >/dev/null 2>&1 && exec "$p" -I -S -c "$b"; '
    "done; echo PROVISION-NO-PYTHON; exit 127"
)

_FROM = re.compile(r"^ *from (provision\.agent[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)
_PACKAGES = ("provision", "provision.agent", "provision.agent.mods")
_BASE = ("provision.agent.core",)


def command(interpreters: Iterable[str] = INTERPRETERS) -> list[str]:
    """The argument list that starts an agent with the first interpreter that exists."""
    return ["/bin/sh", "-c", _LOOK, "sh", _BOOT_LINE, *interpreters]


def command_line(interpreters: Iterable[str] = INTERPRETERS) -> str:
    """`command` as a line that every login shell understands."""
    return "exec " + " ".join(shlex.quote(word) for word in command(interpreters))


def _spec_source(name: str) -> tuple[InspectLoader, str]:
    spec = importlib.util.find_spec(name)
    if spec is None or not isinstance(spec.loader, InspectLoader):
        raise LookupError(f"no agent module {name}")
    return spec.loader, spec.loader.get_source(name) or ""


@cache
def _imports(name: str) -> tuple[str, ...]:
    """The agent's own modules that `name` imports, at any depth of its code.

    Read from the text: parsing thirty modules would cost 50 ms of every run. A test compares
    this with what the parser finds.
    """
    _, source = _spec_source(name)
    found: list[str] = []
    for module, names in _FROM.findall(source):
        if module in _PACKAGES:
            parts = (part.split() for part in names.strip("()").split(","))
            found += [f"{module}.{words[0]}" for words in parts if words]
        else:
            found.append(module)
    return tuple(dict.fromkeys(found))


def _ordered(names: Iterable[str], done: dict[str, None], opened: frozenset[str]) -> None:
    """Adds modules behind what they import. Imports for types alone may go round in a circle."""
    for name in names:
        if name not in done and name not in opened:
            _ordered(_imports(name), done, opened | {name})
            done[name] = None


def mods_closure(mods: Iterable[str]) -> tuple[str, ...]:
    """Full names of the modules that `mods` (short names) need, dependencies first."""
    with _making:
        return _closure(tuple(sorted(mods)))


@lru_cache(maxsize=256)
def _closure(mods: tuple[str, ...]) -> tuple[str, ...]:
    done: dict[str, None] = {}
    _ordered(_BASE, done, frozenset())
    _ordered((f"provision.agent.mods.{mod}" for mod in mods), done, frozenset())
    return tuple(done)


def _slim(code: types.CodeType, name: str) -> types.CodeType:
    """Without local paths and line tables, which are most of the bytes.

    A traceback from the host still names module and function.
    """
    consts = tuple(_slim(c, name) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.replace(co_filename=name, co_consts=consts, co_linetable=b"")


@cache
def _code(name: str) -> types.CodeType:
    loader, _ = _spec_source(name)
    code = loader.get_code(name)
    if code is None:
        raise LookupError(f"no code for {name}")
    return _slim(code, name)


def _pack(items: dict[str, Any]) -> bytes:
    packed = {name: marshal.dumps(item, 4) if item else b"" for name, item in items.items()}
    return zlib.compress(marshal.dumps(packed, 4), 6)


@lru_cache(maxsize=64)
def bundles(names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """(bytecode, source) bundles of whole agents with these modules."""
    packages: dict[str, Any] = dict.fromkeys(_PACKAGES)
    code: dict[str, Any] = {name: _code(name) for name in names}
    source: dict[str, Any] = {name: _spec_source(name)[1] for name in names}
    return _pack({**packages, **code}), _pack({**packages, **source})


@lru_cache(maxsize=64)
def packed_source(names: tuple[str, ...], magic: bytes) -> bytes:
    """A bundle of further modules for an agent whose interpreter has `magic`."""
    same = magic == MAGIC_NUMBER
    return _pack({name: _code(name) if same else _spec_source(name)[1] for name in names})


_making = threading.Lock()


def preamble(names: tuple[str, ...]) -> bytes:
    """The bytes that follow the command: header and both bundles. Made once, any thread."""
    with _making:
        return _preamble(names)


@lru_cache(maxsize=64)
def _preamble(names: tuple[str, ...]) -> bytes:
    code, source = bundles(names)
    header = MAGIC_NUMBER + len(code).to_bytes(4, "big") + len(source).to_bytes(4, "big")
    return header + code + source
