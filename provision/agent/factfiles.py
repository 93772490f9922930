"""Facts that the host's owner wrote: one file, JSON or INI, or a program that prints it."""

from __future__ import annotations

import os

from provision.agent import core, fs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from provision.agent.core import Context

_LIMIT_S = 10.0


def value(ctx: Context, path: str) -> Any:
    """The file's value; a text that says why it has none."""
    try:
        text = _text(ctx, path)
    except core.Fail as exc:
        return "error loading fact - %s" % exc.msg
    except OSError as exc:
        return "error loading fact - %s: %s" % (path, exc.strerror)
    try:
        return core.loads(text.strip())
    except Exception:  # the decoder's own errors differ; what is not JSON may be INI
        return _ini(text, path)


def _text(ctx: Context, path: str) -> str:
    if os.access(path, os.X_OK):
        return ctx.run([path], timeout_s=_LIMIT_S).stdout
    return fs.read_bytes(path).decode("utf-8", "replace")


def _ini(text: str, path: str) -> Any:
    import configparser

    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as exc:
        return "error loading facts as JSON or ini - %s: %s" % (path, str(exc).splitlines()[0])
    return {
        section: {key: parser.get(section, key, raw=True) for key in parser.options(section)}
        for section in parser.sections()
    }
