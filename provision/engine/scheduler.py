"""Drives hosts through a play on a bounded number of threads.

A host that waits for others holds no thread. When nobody runs and nobody is ready, those who
wait at the earliest place go on: hosts may wait at different places after they have taken
different ways through includes.
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from provision.engine.events import Notice
from provision.engine.hostrun import HostRun
from provision.engine.requests import Once, Program, Request, Share, Sync

__all__ = ["Scheduler"]


class _Walk:
    """A host's program and what to send it next."""

    __slots__ = ("program", "reply", "run", "waiting")

    def __init__(self, run: HostRun) -> None:
        self.run = run
        self.program: Program = run.program()
        self.reply: Any = None
        self.waiting: Request | None = None


class Scheduler:
    def __init__(self, forks: int, done: Callable[[HostRun], None]) -> None:
        self.forks = max(1, forks)
        self.done = done
        self._ready: deque[_Walk] = deque()
        self._waiting: list[_Walk] = []
        self._running = 0
        self._left = 0
        self._change = threading.Condition()

    def run(self, hosts: Sequence[HostRun]) -> None:
        """Returns when every host has ended. KeyboardInterrupt passes to the caller, who may
        call `wait` again."""
        self._ready.extend(_Walk(host) for host in hosts)
        self._left = len(hosts)
        for number in range(min(self.forks, len(hosts))):
            threading.Thread(target=self._work, name=f"host-{number}", daemon=True).start()
        self.wait()

    def wait(self) -> None:
        with self._change:
            while self._left:
                self._change.wait(0.5)

    def _work(self) -> None:
        while True:
            with self._change:
                while not self._ready and self._left:
                    self._change.wait()
                if not self._left:
                    return
                walk = self._ready.popleft()
                self._running += 1
            ended = self._advance(walk)
            with self._change:
                self._running -= 1
                if ended:
                    self._left -= 1
                self._release()
                self._change.notify_all()

    def _advance(self, walk: _Walk) -> bool:
        """Runs a host until it waits or ends; True when it has ended."""
        try:
            request = walk.program.send(walk.reply)
        except StopIteration:
            self.done(walk.run)
            return True
        except Exception:
            walk.run.state.status = "failed"
            walk.run.performer.teller.count("failed")
            words = traceback.format_exc()
            walk.run.play.run.emit(
                Notice("error", f"a defect in provision:\n{words}", walk.run.host)
            )
            walk.run.play.lost.add(walk.run.host)
            self.done(walk.run)
            return True
        walk.reply = None
        with self._change:
            if isinstance(request, Share):
                self._share(walk, request)
            else:
                walk.waiting = request
                self._waiting.append(walk)
        return False

    def _share(self, leader: _Walk, share: Share) -> None:
        """Hands the leader's result to all who wait for it; later ones ask anew and lead."""
        followers = [
            walk
            for walk in self._waiting
            if isinstance(walk.waiting, Once) and walk.waiting.place == share.place
        ]
        for walk in followers:
            self._waiting.remove(walk)
            walk.reply, walk.waiting = share, None
        self._ready.extend([leader, *followers])

    def _release(self) -> None:
        """Lets the earliest waiters go when nobody else can move."""
        if self._running or self._ready or not self._waiting:
            return
        places = [w.waiting.place for w in self._waiting if isinstance(w.waiting, Once | Sync)]
        earliest = min(places)
        here = [
            walk
            for walk in self._waiting
            if isinstance(walk.waiting, Once | Sync) and walk.waiting.place == earliest
        ]
        leaders = [walk for walk in here if isinstance(walk.waiting, Once)]
        leaders.sort(key=lambda walk: walk.run.number)
        going = [walk for walk in here if isinstance(walk.waiting, Sync)] or leaders[:1]
        for walk in going:
            self._waiting.remove(walk)
            walk.waiting = None
        self._ready.extend(going)
