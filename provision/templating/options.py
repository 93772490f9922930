"""How a template file is written: delimiters and white space, and the header that sets them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from provision.diagnostics import did_you_mean
from provision.errors import Mark, TemplateError

__all__ = ["HEADER", "TemplateOptions", "split_header"]

HEADER = "#jinja2:"


@dataclass(frozen=True, slots=True)
class TemplateOptions:
    """Jinja2's options, with Ansible's defaults for template files.

    Newlines at the end of a template are kept in any case; `keep_trailing_newline` keeps them
    in included files too.
    """

    block_start_string: str = "{%"
    block_end_string: str = "%}"
    variable_start_string: str = "{{"
    variable_end_string: str = "}}"
    comment_start_string: str = "{#"
    comment_end_string: str = "#}"
    line_statement_prefix: str | None = None
    line_comment_prefix: str | None = None
    trim_blocks: bool = True
    lstrip_blocks: bool = False
    newline_sequence: str = "\n"
    keep_trailing_newline: bool = False

    def with_values(
        self, values: Mapping[str, object], mark: Mark | None = None
    ) -> TemplateOptions:
        """A copy with `values` set. Raises TemplateError for an unknown name or a wrong type."""
        known = {field.name: field.type for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise TemplateError(
                    f"unknown template option {name!r}",
                    mark=mark,
                    hint=did_you_mean(name, known),
                )
            wanted = bool if known[name] == "bool" else str
            if not isinstance(value, wanted):
                raise TemplateError(
                    f"template option {name!r} takes a {wanted.__name__}, not {value!r}", mark=mark
                )
        newline = values.get("newline_sequence", "\n")
        if newline not in ("\n", "\r", "\r\n"):
            raise TemplateError(
                f"newline_sequence is \\n, \\r or \\r\\n, not {newline!r}", mark=mark
            )
        return replace(self, **values)  # type: ignore[arg-type]


def split_header(
    text: str, options: TemplateOptions, mark: Mark | None = None
) -> tuple[str, TemplateOptions, int]:
    """The text without its `#jinja2: name:value, ...` line, the options, the lines taken off."""
    if not text.startswith(HEADER):
        return text, options, 0
    line, _, rest = text.partition("\n")
    values: dict[str, object] = {}
    for pair in line[len(HEADER) :].split(","):
        name, colon, value = pair.partition(":")
        if not colon:
            raise TemplateError(
                f"Missing key-value separator in {pair.strip()!r} of the #jinja2: line",
                mark=mark,
                hint="write name:value, separated by commas",
            )
        try:
            values[name.strip()] = ast.literal_eval(value.strip())
        except (ValueError, SyntaxError) as exc:
            raise TemplateError(
                f"cannot read {value.strip()!r} in the #jinja2: line",
                mark=mark,
                hint="values are Python's: True, False, '<%'",
            ) from exc
    return rest, options.with_values(values, mark), 1
