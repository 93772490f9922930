"""The skin around every filter and test: what is undefined passes by, errors get a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from jinja2 import pass_context, pass_environment
from jinja2.exceptions import TemplateError as JinjaError
from jinja2.utils import _PassArg

from provision.errors import ProvisionError
from provision.templating.explain import PluginError
from provision.templating.running import ScopeContext
from provision.templating.scope import Pending
from provision.templating.undefined import Missing, MissingError
from provision.templating.values import SCALARS, unrolled

__all__ = ["guarded", "takes_missing", "with_context", "with_environment"]

F = TypeVar("F", bound=Callable[..., Any])

with_context = pass_context
with_environment = pass_environment


def takes_missing(function: F) -> F:
    """Marks a filter or test that looks at undefined values itself."""
    function.takes_missing = True  # type: ignore[attr-defined]
    return function


def _leading(function: Callable[..., Any]) -> Callable[[ScopeContext], tuple[Any, ...]]:
    """What Jinja2 would put before the arguments of `function`."""
    wants = _PassArg.from_obj(function)
    if wants is _PassArg.context:
        return lambda context: (context,)
    if wants is _PassArg.eval_context:
        return lambda context: (context.eval_ctx,)
    if wants is _PassArg.environment:
        return lambda context: (context.environment,)
    return lambda _context: ()


def guarded(
    kind: str, name: str, function: Callable[..., Any], *, looks_itself: bool = False
) -> Callable[..., Any]:
    """`function` as Jinja2 calls it: an undefined argument is the result, unless it takes them.

    Iterators come back as lists. Raises PluginError for what the function raises.
    """
    lead = _leading(function)
    looks_itself = looks_itself or getattr(function, "takes_missing", False)

    @pass_context
    def call(context: ScopeContext, *args: Any, **kwargs: Any) -> Any:
        if not looks_itself:
            for value in args:
                if type(value) is Missing:
                    return value
            for value in kwargs.values():
                if type(value) is Missing:
                    return value
        try:
            result = function(*lead(context), *args, **kwargs)
            return result if type(result) in SCALARS else unrolled(result)
        except MissingError as exc:
            return exc.absent
        except (Pending, ProvisionError, PluginError, JinjaError):
            raise
        except Exception as exc:
            raise PluginError(kind, name, exc) from exc

    return call
