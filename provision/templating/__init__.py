"""Templating: the only importer of Jinja2.

    templar = Templar(search_path=[...])
    scope = Scope([role_defaults, inventory, facts, task_vars], templar=templar)
    templar.render("{{ services | length }} services", scope)

What is a template: any string given to `render`, and in a Scope the values that were read
from the user's files (`Str`, and `Map` and `Seq` of them). Facts, results and loop items are
plain values and are never rendered, whatever a host put into them; `trusted(value)` makes
template text of what a user typed elsewhere, such as on the command line.
"""

from __future__ import annotations

from provision.templating.context import LookupContext
from provision.templating.lookups import run as lookup
from provision.templating.options import TemplateOptions
from provision.templating.scope import Pending, Scope
from provision.templating.templar import Templar
from provision.templating.values import OMIT, is_template, trusted

__all__ = [
    "OMIT",
    "LookupContext",
    "Pending",
    "Scope",
    "Templar",
    "TemplateOptions",
    "is_template",
    "lookup",
    "trusted",
]
