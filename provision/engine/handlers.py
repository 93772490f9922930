"""Handlers of one host: who answers to a notification, and who is due."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provision.engine.entries import Entry
from provision.engine.events import Notice
from provision.engine.keywords import Keywords
from provision.engine.playrun import PlayRun
from provision.errors import PlaybookError
from provision.playbook import Include, Item, Task
from provision.playbook.model import Block
from provision.templating import is_template

__all__ = ["Handlers"]

Known = Task | Include


class Handlers:
    """The handlers that a host knows, in the order of their definition."""

    def __init__(self, play: PlayRun, keywords: Keywords) -> None:
        self.play = play
        self.keywords = keywords
        self._known: list[Known] = list(_flat(play.play.handlers))
        self._notified: dict[str, None] = {}  # names, since the last flush
        self._due: set[int] = set()  # by identity
        self._running = False

    def add(self, items: Iterable[Item]) -> None:
        """Handlers that an included role brings."""
        known = {id(item) for item in self._known}
        self._known += [item for item in _flat(items) if id(item) not in known]

    # -- notifications ----------------------------------------------------------------

    def notify(self, entry: Entry, names: list[str]) -> None:
        """Keeps what a task notifies. Raises PlaybookError for a name nobody answers to."""
        for name in names:
            found = self._answering(name)
            if not found:
                self._unknown(entry, name)
            elif self._running:
                self._due.update(id(item) for item in found)
            else:
                self._notified[name] = None

    def _unknown(self, entry: Entry, name: str) -> None:
        text = (
            f"The requested handler {name!r} was not found in either the main handlers list "
            "nor in the listening handlers list"
        )
        if self.play.run.options.missing_handlers == "error":
            raise PlaybookError(text, mark=entry.task.mark)
        self.play.run.emit(Notice("warning", text, self.keywords.host))

    def _answering(self, name: str) -> list[Known]:
        """The last handler of that name, and every one that listens to it."""
        found = [item for item in reversed(self._known) if name in self._names(item)][:1]
        titles: set[str] = set()
        for item in self._known:
            task = _task(item)
            if name in task.listen and (not task.name or task.name not in titles):
                titles.add(task.name)
                found.append(item)
        return found

    def _names(self, item: Known) -> tuple[str, ...]:
        task = _task(item)
        if not task.name:
            return ()
        title = self.keywords.title(task)
        if is_template(title):
            self._unusable(task)
            return ()
        role = task.inherited.role
        if role is None:
            return (title,)
        plain = title.removeprefix(f"{role.name} : ")
        return (plain, title, f"{role.full_name} : {plain}")

    def _unusable(self, task: Task) -> None:
        if task.listen:
            return
        text = (
            f"Handler {task.name!r} is unusable because it has no listen topics and the name "
            "could not be templated"
        )
        self.play.run.templar.warn(text, task.mark)

    # -- running ----------------------------------------------------------------------

    @property
    def waiting(self) -> bool:
        """Whether something has been notified."""
        return bool(self._notified or self._due)

    def due(self) -> Iterator[Known]:
        """Those that were notified, also while the ones before them ran; each is to be run
        before the next is asked for."""
        for name in self._notified:
            self._due.update(id(item) for item in self._answering(name))
        self._notified.clear()
        self._running = True
        try:
            for item in tuple(self._known):
                if id(item) in self._due:
                    self._due.discard(id(item))
                    yield item
        finally:
            self._running = False


def _task(item: Known) -> Task:
    return item.task if isinstance(item, Include) else item


def _flat(items: Iterable[Item]) -> Iterator[Known]:
    for item in items:
        if isinstance(item, Block):
            yield from _flat(item.block)
        else:
            yield item
