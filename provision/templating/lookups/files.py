"""Lookups that read files of the controller."""

from __future__ import annotations

import configparser
import csv
import glob
import io
import os.path
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from provision.errors import InputError
from provision.templating.filters.data import to_bool
from provision.templating.lookups.call import Lookup, LookupCall, options_in
from provision.templating.scope import Scope

__all__ = ["LOOKUPS"]


def file(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The text of files, without the white space at its end unless `rstrip` is false."""
    found = []
    for term in terms:
        text = call.text(call.need("files", str(term)))
        text = text.lstrip() if to_bool(options.get("lstrip", False)) else text
        found.append(text.rstrip() if to_bool(options.get("rstrip", True)) else text)
    return found


def unvault(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    return [call.text(call.need("files", str(term))) for term in terms]


def template(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The text of rendered template files; `template_vars` are further variables."""
    from provision.templating.options import TemplateOptions

    extra = options.pop("template_vars", None) or {}
    options.pop("convert_data", None)
    options.pop("jinja2_native", None)
    chosen = TemplateOptions().with_values(options)
    scope = call.scope.child(extra) if extra else call.scope
    templar = call.scope.templar
    return [
        templar.template_file(call.need("templates", str(term)), scope, options=chosen)
        for term in terms
    ]


def fileglob(call: LookupCall, terms: list[Any], _options: dict[str, Any]) -> list[Any]:
    """The files that match; a relative pattern in the first folder that has any."""
    found: list[Any] = []
    for term in terms:
        pattern = os.path.expanduser(str(term))  # noqa: PTH111
        folders = [Path("/")] if os.path.isabs(pattern) else call.folders("files")  # noqa: PTH117
        for folder in folders:
            paths = glob.glob(str(folder / pattern))  # noqa: PTH207
            files = [path for path in paths if os.path.isfile(path)]  # noqa: PTH113
            if files:
                found += files
                break
    return found


def _names(value: Any) -> list[str]:
    """A list of paths, or a text with several separated by commas, colons or semicolons."""
    if isinstance(value, str):
        return [part for part in re.split(r"[,;:]", value) if part] or [""]
    return [name for item in value for name in (_names(item) if item else [])]


def _candidates(terms: Iterable[Any], options: Mapping[str, Any]) -> Iterator[str]:
    for term in terms:
        if isinstance(term, Mapping):
            files, paths = _names(term.get("files") or []), _names(term.get("paths") or [])
            for folder in paths or [""]:
                for name in files or ([""] if paths else []):
                    yield os.path.join(folder, name)  # noqa: PTH118
        elif isinstance(term, (list, tuple)):
            yield from _candidates(term, options)
        else:
            yield str(term)


def first_found(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The first of several files that exists; with `skip`, nothing when none does."""
    given: list[Any] = list(terms)
    if options.get("files") or options.get("paths"):
        given = [*given, options] if given else [options]
    skip = to_bool(options.get("skip", False)) or any(
        to_bool(term.get("skip", False)) for term in given if isinstance(term, Mapping)
    )
    tried = []
    kinds = _kinds(call.scope)
    for name in _candidates(given, options):
        tried.append(name)
        for kind in kinds:
            path = call.find(kind, name)
            if path is not None:
                return [str(path.absolute())]
    if skip:
        return []
    raise InputError("none of the files exists", why=", ".join(tried))


def _kinds(scope: Scope) -> tuple[str, ...]:
    return ("files", "templates", "vars", "tasks")


def csv_file(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """A column of the rows whose first column is the term."""
    known = ("file", "delimiter", "encoding", "default", "col", "keycol")
    found: list[Any] = []
    for term in terms:
        key, inline = options_in(str(term), known)
        chosen = {"file": "ansible.csv", "delimiter": "\t", "col": 1, "keycol": 0}
        chosen |= {name: options[name] for name in known if name in options} | inline
        delimiter = str(chosen["delimiter"])
        delimiter = "\t" if delimiter == "TAB" else delimiter
        text = call.text(call.need("files", str(chosen["file"])))
        column, key_column = int(str(chosen["col"])), int(str(chosen["keycol"]))
        rows = csv.reader(io.StringIO(text), delimiter=delimiter)
        value: Any = next((row[column] for row in rows if row and row[key_column] == key), None)
        value = chosen.get("default") if value is None else value
        if value is not None:
            found.append(value)
    return found


def ini(call: LookupCall, terms: list[Any], options: dict[str, Any]) -> list[Any]:
    """The values of keys of an INI or properties file."""
    known = ("type", "file", "section", "re", "default", "encoding", "case_sensitive")
    found: list[Any] = []
    for term in terms:
        key, inline = options_in(str(term), known)
        chosen = {"type": "ini", "file": "ansible.ini", "section": "global", "default": ""}
        chosen |= {name: options[name] for name in known if name in options} | inline
        parser = configparser.RawConfigParser(
            allow_no_value=to_bool(options.get("allow_no_value", False))
        )
        if to_bool(chosen.get("case_sensitive", False)):
            parser.optionxform = str  # type: ignore[method-assign,assignment]
        text = call.text(call.need("files", str(chosen["file"])))
        section = str(chosen["section"])
        if chosen["type"] == "properties":
            section, text = "java_properties", f"[java_properties]\n{text}"
        parser.read_string(text)
        if to_bool(chosen.get("re", False)):
            pairs = parser.items(section) if parser.has_section(section) else []
            found += [value for name, value in pairs if re.match(key, name)]
        else:
            found.append(parser.get(section, key, fallback=chosen["default"]))
    return found


LOOKUPS: Mapping[str, Lookup] = {
    "csvfile": csv_file,
    "file": file,
    "fileglob": fileglob,
    "first_found": first_found,
    "ini": ini,
    "template": template,
    "unvault": unvault,
}
