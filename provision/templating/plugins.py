"""A playbook's own filters, tests and lookups, from files that need nothing of Ansible's."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from provision.errors import InputError, Mark
from provision.templating.lookups import Lookup, LookupCall
from provision.templating.values import realize

__all__ = ["load_functions", "load_lookups"]


def _modules(folders: Sequence[Path]) -> Iterator[tuple[Path, ModuleType]]:
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.glob("*.py")):
            if path.name != "__init__.py":
                yield path, _load(path)


def _load(path: Path) -> ModuleType:
    tag = sha256(str(path.resolve()).encode()).hexdigest()[:12]
    name = f"provision_plugin_{path.stem}_{tag}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError("cannot load the plugin", mark=Mark(str(path)))
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as exc:
        del sys.modules[name]
        missing = isinstance(exc, ImportError) and (exc.name or "").split(".")[0] == "ansible"
        raise InputError(
            "cannot load the plugin",
            mark=Mark(str(path)),
            why=f"{type(exc).__name__}: {exc}",
            hint="plugins that import Ansible's own code do not work here" if missing else "",
        ) from exc
    return module


def _plain_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with containers as plain dicts and lists, as its author expects them."""

    def call(*args: Any, **kwargs: Any) -> Any:
        plain = {name: realize(value) for name, value in kwargs.items()}
        return function(*map(realize, args), **plain)

    return call


def load_functions(folders: Sequence[Path], cls: str, method: str) -> dict[str, Callable[..., Any]]:
    """The functions that the class `cls` of each file returns from `method`."""
    table: dict[str, Callable[..., Any]] = {}
    for path, module in _modules(folders):
        maker = getattr(module, cls, None)
        if maker is None:
            raise InputError(f"the plugin has no class {cls}", mark=Mark(str(path)))
        found: Mapping[str, Callable[..., Any]] = getattr(maker(), method)()
        for name, function in found.items():
            wants = getattr(function, "jinja_pass_arg", None)
            table[name] = function if wants else _plain_arguments(function)
    return table


def load_lookups(folders: Sequence[Path]) -> dict[str, Lookup]:
    """The lookups whose class `LookupModule` has `run(terms, variables=None, **kwargs)`."""
    table: dict[str, Lookup] = {}
    for path, module in _modules(folders):
        maker = getattr(module, "LookupModule", None)
        if maker is None:
            raise InputError("the plugin has no class LookupModule", mark=Mark(str(path)))
        table[path.stem] = _lookup(maker)
    return table


def _lookup(maker: Callable[[], Any]) -> Lookup:
    def run(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
        found = maker().run(terms, variables=call.scope, **options)
        return list(found)

    return run
