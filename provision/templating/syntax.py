"""Where a syntax error in a template stands: Jinja2 itself tells only the line."""

from __future__ import annotations

import re
from dataclasses import dataclass

from jinja2 import TemplateSyntaxError
from jinja2.lexer import Token, TokenStream, ignored_tokens
from jinja2.parser import Parser

from provision.templating.environment import NativeEnvironment

__all__ = ["Place", "place_of"]

_NOT_PARSED = frozenset({*ignored_tokens, "raw_begin", "raw_end"})


@dataclass(frozen=True, slots=True)
class Place:
    """Line and column in the template's text, from 1, and the text that stands there."""

    line: int
    column: int
    text: str


def _at(source: str, offset: int, text: str) -> Place:
    before = source[:offset]
    return Place(before.count("\n") + 1, offset - before.rfind("\n"), text)


def _stopped_at(
    environment: NativeEnvironment, tokens: list[Token], state: str | None
) -> int | None:
    """The index of the token that the parser does not take; None for the end."""
    parser = Parser(environment, "", state=state)
    parser.stream = TokenStream(iter(tokens), None, None)
    try:
        parser.parse() if state is None else parser.parse_expression()
    except TemplateSyntaxError:
        pass
    current = parser.stream.current
    return next((index for index, token in enumerate(tokens) if token is current), None)


def place_of(
    environment: NativeEnvironment, source: str, *, expression: bool, error: TemplateSyntaxError
) -> Place:
    """The place of the token at which parsing `source` stops; else of the error's line."""
    lines = source.split("\n")
    line = min(max(error.lineno or 1, 1), len(lines))
    whole = Place(line, 1, lines[line - 1])
    unexpected = re.fullmatch(r"unexpected char (.+) at (\d+)", error.message or "")
    if unexpected:
        offset = int(unexpected[2])
        return _at(source, offset, source[offset : offset + 1])
    state = "variable" if expression else None
    raw: list[tuple[int, str, str]] = []
    offsets: list[int] = []
    position = 0
    try:
        for item in environment.lexer.tokeniter(source, None, None, state):
            found = source.find(item[2], position)
            position = found + len(item[2]) if found >= 0 else position
            if item[1] not in _NOT_PARSED:
                raw.append(item)
                offsets.append(position - len(item[2]))
        tokens = list(environment.lexer.wrap(raw, None, None))
    except TemplateSyntaxError:
        return whole
    index = _stopped_at(environment, tokens, state)
    if index is None:
        return _at(source, len(source.rstrip()), "")
    return _at(source, offsets[index], raw[index][2].strip())
