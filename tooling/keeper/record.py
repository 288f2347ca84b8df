"""What a launch writes down of itself while it goes on: to its state file, and to whoever waits for it."""

import contextlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, evolve, field

from tooling.refusal import REFUSED, Refusal
from tooling.running import State
from tooling.running.registry import remove_state, write_state

RETRY_S = 1.0


@define(eq=False)
class Record:
    """The state of one launch. Where the disk does not take it the launch goes on, and it is tried again.

    `tell`: gets one sentence when writing begins to fail. `waiter`: a descriptor that gets a JSON line a change.
    """

    home: Path
    state: State
    tell: Callable[[str], None] = field(default=lambda _: None)
    waiter: int = -1
    _changed: bool = field(default=False, init=False)
    _unsent: bytes = field(default=b"", init=False)
    _again_at: float = field(default=0.0, init=False)
    _told: bool = field(default=False, init=False)
    _left_key: str = field(default="", init=False)

    def begin(self) -> None:
        """Write the first state. Raises `Refusal`: what cannot be written down cannot be stopped later either."""
        try:
            write_state(self.home, self.state)
        except OSError as error:
            raise Refusal(
                f"YAP_HOME={self.home} cannot be written ({error.strerror or error}): make room, or name another "
                "directory",
                REFUSED,
            ) from None
        self._unsent += self._news()
        self._inform()

    def change(self, *, in_passing: bool = False, **fields: Any) -> None:
        """Change it and write it down; `in_passing`: with the next change, or when there is time."""
        before, self.state = self.state, evolve(self.state, **fields)
        if self.state == before:
            return
        if before.key != self.state.key:
            self._left_key = before.key
        self._changed = True
        if not (in_passing and self._unsent):
            self._unsent += self._news()
        if not in_passing:
            self.settle()

    @property
    def is_owed(self) -> bool:
        """Whether something is not written yet."""
        return self._changed or bool(self._unsent)

    def settle(self) -> None:
        """Write what is owed."""
        self._inform()
        if not self._changed or time.monotonic() < self._again_at:
            return
        try:
            write_state(self.home, self.state)
        except OSError as error:
            self._again_at = time.monotonic() + RETRY_S
            if not self._told:
                self._told = True
                self.tell(f"the state of this launch cannot be written ({error.strerror or error}); it goes on")
            return
        self._changed = self._told = False
        if self._left_key:  # only now: a launch without any state could not be stopped
            with contextlib.suppress(OSError):
                remove_state(self.home, self._left_key)
            self._left_key = ""

    def _news(self) -> bytes:
        if self.waiter < 0:
            return b""
        state = self.state
        news = {"phase": state.phase, "progress": state.progress, "code": state.code, "port": state.port}
        return json.dumps(news).encode() + b"\n"

    def _inform(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[os.write(self.waiter, self._unsent) :]
        except BlockingIOError:
            pass  # whoever waits is stopped
        except OSError:
            self.waiter, self._unsent = -1, b""  # it left


__all__ = ["Record"]
