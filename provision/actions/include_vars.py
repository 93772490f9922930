"""The action `include_vars`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from provision.actions.args import arg
from provision.actions.base import Action, ActionContext, Outcome
from provision.actions.names import check_variable_names
from provision.errors import InputError, PlaybookError
from provision.yamlsource import mark_of

__all__ = ["ACTION", "Args", "IncludeVars"]


@dataclass(frozen=True, slots=True)
class Args:
    file: str | None = arg("The file of variables.", default=None, aliases=("_raw_params",))
    dir: str | None = arg("A directory whose files are all read.", default=None)
    name: str | None = arg("Put them into one variable of this name.", default=None)
    depth: int = arg("How many levels of `dir`; 0 for all.", default=0)
    files_matching: str | None = arg("Only files whose names match this regex.", default=None)
    ignore_files: list[str] = arg("Not the files whose names end as one of these.", factory=list)
    extensions: list[str] = arg(
        "What the names of files in `dir` end in.", factory=lambda: ["yaml", "yml", "json"]
    )
    ignore_unknown_extensions: bool = arg("Skip other files in `dir`.", default=False)
    hash_behaviour: Literal["replace", "merge"] = arg(
        "What happens to a mapping that exists.", default="replace"
    )


class IncludeVars(Action):
    name = "include_vars"
    summary = "Read variables from files while the play runs."
    Args = Args
    free_form = "file"
    needs_connection = False
    check_mode = "reads as always"
    examples = (
        '- include_vars: "{{ ansible_distribution }}.yml"\n'
        "- include_vars:\n    dir: sites\n    extensions: [yml]\n    name: sites\n"
    )

    def plan(self, args: Any, ctx: ActionContext) -> Outcome:
        if (args.file is None) == (args.dir is None):
            raise PlaybookError("include_vars takes 'file' or 'dir'")
        files: list[str] = []
        values: dict[str, Any] = {}
        try:
            for path in self._paths(args, ctx):
                values.update(self._read(path, ctx))
                files.append(str(path))
        except InputError as exc:
            said = str(exc)
            return Outcome(
                "failed", said, data={"message": said, "ansible_included_var_files": files}
            )
        if args.name:
            values = {args.name: values}
        check_variable_names(values, "include_vars")
        if args.hash_behaviour == "merge":
            values = {key: _merged(ctx.vars.get(key), value) for key, value in values.items()}
        return Outcome(
            "ok",
            data={"ansible_facts": values, "ansible_included_var_files": files},
            host_vars=values,
        )

    @staticmethod
    def _paths(args: Any, ctx: ActionContext) -> Iterator[Path]:
        if args.file is not None:
            yield ctx.find("vars", args.file)
            return
        top = ctx.find("vars", args.dir)
        if not top.is_dir():
            raise PlaybookError(f"{top} is not a directory")
        role_vars = ctx.vars.get("role_path")
        own = Path(role_vars, "vars", "main.yml") if role_vars else None
        # A directory's own files come before those of the directories below it.
        folders = sorted({top, *(p for p in top.rglob("*") if p.is_dir())})
        for folder in folders:
            if args.depth and len(folder.relative_to(top).parts) >= args.depth:
                continue
            for path in sorted(p for p in folder.iterdir() if p.is_file()):
                if path != own and _wanted(path.name, args):
                    yield path

    @staticmethod
    def _read(path: Path, ctx: ActionContext) -> Mapping[str, Any]:
        data = ctx.read_yaml(path)
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            raise PlaybookError(f"{path} must be stored as a dictionary/hash", mark=mark_of(data))
        return data


def _wanted(name: str, args: Any) -> bool:
    """Whether a file of a directory is to be read. Raises PlaybookError."""
    try:
        if args.files_matching and not re.search(args.files_matching, name):
            return False
        if any(re.search(f"{pattern}$", name) for pattern in args.ignore_files):
            return False
    except re.error as exc:
        raise PlaybookError(f"include_vars: not a regular expression: {exc}") from None
    if Path(name).suffix[1:] in args.extensions:
        return True
    if args.ignore_unknown_extensions:
        return False
    raise PlaybookError(f"{name} does not have a valid extension: {', '.join(args.extensions)}")


def _merged(below: Any, above: Any) -> Any:
    if not isinstance(below, Mapping) or not isinstance(above, Mapping):
        return above
    both = dict(below)
    for key, value in above.items():
        both[key] = _merged(both[key], value) if key in both else value
    return both


ACTION = IncludeVars()
