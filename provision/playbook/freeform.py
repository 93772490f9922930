"""Arguments written as text: `file: path=/x state=touch`, `command: make creates=/y`."""

from __future__ import annotations

from provision.yamlsource import Str

__all__ = ["parse_text", "split_words", "unquote"]

#: The words that command-like actions take out of their text.
COMMAND_WORDS = frozenset(
    {
        "chdir",
        "creates",
        "executable",
        "expand_argument_vars",
        "removes",
        "stdin",
        "stdin_add_newline",
        "strip_empty_ends",
        "warn",
    }
)


def split_words(text: str) -> list[str]:
    """Words at whitespace outside quotes and outside {{ }}, {% %}, {# #}; quotes stay.

    Raises ValueError when a quote or a brace is not closed.
    """
    words: list[str] = []
    word = ""
    quote = ""
    depth = 0
    at = 0
    while at < len(text):
        pair = text[at : at + 2]
        char = text[at]
        if not quote and pair in ("{{", "{%", "{#"):
            depth += 1
            word += pair
            at += 2
            continue
        if depth and pair in ("}}", "%}", "#}"):
            depth -= 1
            word += pair
            at += 2
            continue
        if not depth:
            if char == "\\" and at + 1 < len(text):
                word += pair
                at += 2
                continue
            if quote:
                if char == quote:
                    quote = ""
            elif char in "'\"":
                quote = char
            elif char.isspace():
                if word:
                    words.append(word)
                word = ""
                at += 1
                continue
        word += char
        at += 1
    if quote:
        raise ValueError(f"a {quote} is not closed")
    if depth:
        raise ValueError("a template is not closed")
    if word:
        words.append(word)
    return words


def unquote(text: str) -> str:
    """Without the quotes around it."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" and text[-2] != "\\":
        return text[1:-1]
    return text


def _pair(word: str) -> tuple[str, str] | None:
    key, sep, value = word.partition("=")
    if not sep or not key.replace("_", "").isalnum() or key[0].isdigit():
        return None
    return key, unquote(value)


def parse_text(text: str, free_form: str) -> dict[str, object]:
    """The arguments in bare text.

    With a `free_form` argument the text is its value, less the words that command-like actions
    know; without one, every word must be key=value. Raises ValueError.
    """
    mark = getattr(text, "mark", None)
    found: dict[str, object] = {}
    if not free_form:
        for word in split_words(text):
            pair = _pair(word)
            if pair is None:
                raise ValueError(f"{word!r} is not key=value")
            found[Str(pair[0], mark)] = Str(pair[1], mark)
        return found
    if "=" not in text:
        return {free_form: text}
    try:
        words = split_words(text)
    except ValueError:
        return {free_form: text}  # a shell's own quoting; its words are the shell's business
    rest = text
    for word in words:
        pair = _pair(word)
        if pair is not None and pair[0] in COMMAND_WORDS:
            found[Str(pair[0], mark)] = Str(pair[1], mark)
            rest = rest.replace(word, "", 1)
    found[free_form] = Str(rest.strip(), mark) if len(found) else text
    return found
