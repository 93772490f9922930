"""What host halves are made of: states that converge, results, failures."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

    from provision.agent.core import Context

    Args = Dict[str, Any]
    Result = Dict[str, Any]
    Observed = Mapping[str, Any]


class Fail(Exception):
    """A step that failed: a message for the user, and values for `register`."""

    def __init__(self, msg: str, **data: Any) -> None:
        Exception.__init__(self, msg)
        self.msg = msg
        self.data = data


class State:
    """Something that is or is not as wanted: flat mappings of plain values, None is absent.

    A subclass gives `observe` and `apply`, and either `desired` or sets `self.wanted`. Keys
    that `desired` does not name are not compared.
    """

    #: keys whose values must not be shown
    secret: Tuple[str, ...] = ()

    def observe(self) -> Dict[str, Any]:
        raise NotImplementedError

    def desired(self, observed: Observed) -> Dict[str, Any]:
        raise NotImplementedError

    def apply(self, observed: Observed, wanted: Observed, changes: Sequence[str]) -> None:
        """Makes it so. `changes` are the keys that differ."""
        raise NotImplementedError

    def data(self, observed: Observed) -> Dict[str, Any]:
        """Values for `register`."""
        return {}

    def difference(self, key: str, before: Any, after: Any) -> Dict[str, Any]:
        """The diff's entry for a key that differs; asked for before anything is applied."""
        return {"key": key, "before": before, "after": after}


def _differences(observed: Observed, wanted: Observed) -> List[str]:
    return [key for key in wanted if observed.get(key) != wanted[key]]


def converge(ctx: Context, state: State) -> Result:
    """Observes, compares, applies, and observes again before it says `changed`."""
    before = state.observe()
    wanted = state.desired(before)
    changes = _differences(before, wanted)
    if not changes:
        return ok(**state.data(before))
    hidden = "(not shown)"
    diff = [
        {"key": key, "before": hidden, "after": hidden}
        if key in state.secret
        else state.difference(key, before.get(key), wanted[key])
        for key in changes
    ]
    if ctx.check:
        return changed(diff, **state.data({**before, **wanted}))
    state.apply(before, wanted, changes)
    after = state.observe()
    missed = _differences(after, state.desired(after))
    if missed:
        shown = ", ".join(
            key
            if key in state.secret
            else "%s is %r, wanted %r" % (key, _brief(after.get(key)), _brief(wanted.get(key)))
            for key in missed
        )
        raise Fail("applied, but the host does not show it: " + shown, diff=diff)
    return changed(diff, **state.data(after))


def _brief(value: Any) -> Any:
    if isinstance(value, str) and len(value) > 60:
        return value[:57] + "..."
    return value


def ok(msg: str = "", **data: Any) -> Result:
    return {"status": "ok", "msg": msg, "data": data}


def changed(diff: Optional[List[Dict[str, Any]]] = None, msg: str = "", **data: Any) -> Result:
    return {"status": "changed", "msg": msg, "diff": diff or [], "data": data}


def skipped(msg: str, **data: Any) -> Result:
    return {"status": "skipped", "msg": msg, "data": data}


def unknown(msg: str, **data: Any) -> Result:
    """For a check that cannot honestly predict."""
    return {"status": "unknown", "msg": msg, "data": data}


def failed(msg: str, **data: Any) -> Result:
    return {"status": "failed", "msg": msg, "data": data}
