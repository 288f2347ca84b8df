"""Ctrl+C: once it is an event like others, twice before it had its effect it ends everything at once."""

import signal
from collections.abc import Callable

import trio
from attrs import define, field

from tooling.clients.live.screens.keyboard import Key

DEADLY = (signal.SIGTERM, signal.SIGHUP)


@define(eq=False)
class Interrupts:
    """`emit`: where a first press goes. `ended_by`: the signal that ended everything, if one did;
    `final` is set then."""

    emit: Callable[[Key], None]
    scope: trio.CancelScope = field(factory=trio.CancelScope)
    ended_by: signal.Signals | None = None
    final: trio.Event = field(factory=trio.Event)
    _pressed: bool = False

    def press(self) -> None:
        """Somebody pressed Ctrl+C, or sent the signal it stands for."""
        if self._pressed:
            self._end(signal.SIGINT)
        self._pressed = True
        self.emit(Key.INTERRUPT)

    def settled(self) -> None:
        """The last press has had its effect: the next one is a first one again."""
        self._pressed = False

    async def listen(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Heed signals. The deadly ones end everything too, but in order: the terminal gets its modes back."""
        heeded = [number for number in DEADLY if signal.getsignal(number) is not signal.SIG_IGN]
        with trio.open_signal_receiver(signal.SIGINT, *heeded) as signals:
            task_status.started()
            async for number in signals:
                if number == signal.SIGINT:
                    self.press()
                else:
                    self._end(signal.Signals(number))

    def _end(self, number: signal.Signals) -> None:
        self.ended_by = number
        self.scope.cancel()
        self.final.set()


__all__ = ["Interrupts"]
