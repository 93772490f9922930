"""The action `validate_argument_spec`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provision.actions.args import arg, to_bool
from provision.actions.base import Action, ActionContext, Outcome

__all__ = ["ACTION", "Args", "ValidateArgumentSpec"]


@dataclass(frozen=True, slots=True)
class Args:
    argument_spec: dict[str, Any] = arg("Options by name, as in `meta/argument_specs.yml`.")
    provided_arguments: dict[str, Any] = arg("Values; what is not here is looked up.", factory=dict)
    validate_args_context: dict[str, Any] = arg("Where the spec stands.", factory=dict)


class ValidateArgumentSpec(Action):
    name = "validate_argument_spec"
    summary = "Check variables against an argument spec; done by itself for roles that have one."
    Args = Args
    needs_connection = False
    check_mode = "checks as always"
    examples = (
        "- validate_argument_spec:\n    argument_spec:\n"
        "      port: {type: int, required: true}\n      mode: {choices: [a, b]}\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        values = {name: ctx.vars[name] for name in args.argument_spec if name in ctx.vars}
        values.update(args.provided_arguments)
        errors = list(_errors(args.argument_spec, values, ""))
        data = {
            "argument_spec_data": args.argument_spec,
            "argument_errors": errors,
            "validate_args_context": args.validate_args_context,
        }
        if errors:
            text = "Validation of arguments failed:\n" + "\n".join(errors)
            return Outcome("failed", text, data=data)
        return Outcome("ok", "The arg spec validation passed", data=data)


def _errors(spec: Mapping[str, Any], values: Mapping[str, Any], inside: str) -> Iterator[str]:
    found = f" found in {inside}" if inside else ""
    missing = [
        name
        for name, option in spec.items()
        if isinstance(option, Mapping) and option.get("required") and values.get(name) is None
    ]
    if missing:
        yield f"missing required arguments: {', '.join(sorted(missing))}{found}"
    for name, option in spec.items():
        if isinstance(option, Mapping) and values.get(name) is not None:
            where = f"{inside}.{name}" if inside else name
            yield from _value_errors(option, values[name], where)


def _value_errors(option: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    kind = str(option.get("type") or "str")
    if not _fits(kind, value):
        was = type(value).__name__.lower()
        yield f"argument '{where}' is of type {was} and we were unable to convert to {kind}"
        return
    items = value if kind == "list" and isinstance(value, list) else [value]
    choices = option.get("choices")
    if choices:
        strange = [item for item in items if str(item) not in map(str, choices)]
        if strange:
            listed = ", ".join(map(str, choices))
            shown = ", ".join(map(str, strange))
            yield f"value of {where} must be one of: {listed}, got: {shown}"
    if kind == "list" and option.get("elements"):
        for item in items:
            if not _fits(str(option["elements"]), item):
                yield f"Elements value for option '{where}' is no {option['elements']}: {item!r}"
    below = option.get("options")
    if isinstance(below, Mapping):
        for item in items:
            if isinstance(item, Mapping):
                yield from _errors(below, item, where)


def _fits(kind: str, value: Any) -> bool:
    """Whether a value is of a type or can be read as one, as Ansible reads it."""
    if kind in ("int", "float"):
        try:
            (int if kind == "int" else float)(value)
        except (TypeError, ValueError):
            return False
        return not isinstance(value, bool)
    if kind == "bool":
        try:
            to_bool(value)
        except ValueError:
            return False
        return True
    if kind == "list":
        return isinstance(value, list | tuple | str | int | float)
    if kind == "dict":
        return isinstance(value, Mapping) or (isinstance(value, str) and "=" in value)
    if kind in ("str", "path"):
        return not isinstance(value, Mapping | list | tuple)
    return True


ACTION = ValidateArgumentSpec()
