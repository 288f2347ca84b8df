"""The parent's side: run the same work in several processes, start them together, gather what they tell."""

import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import trio
from attrs import define, field, frozen

from tooling.clients.load.health import Health
from tooling.clients.load.pipe import LineReader, Record, line

READY_TIMEOUT_S = 60.0
HEAD_START_S = 0.05
"""From the last process that is ready to the start: long enough for the word to reach all of them."""
STOP_GRACE_S = 6.0
"""A child that is told to stop says goodbye on its connections, which takes it up to four seconds."""
STDERR_BYTES = 4096
PER_PROCESS = 48
"""Conversations at a time that one process bears without being noticed in what it measures."""


@frozen
class Death:
    """A child ended without saying so. `how`: a signal, an exit code, an error's type and place."""

    number: int
    how: str

    def __str__(self) -> str:
        return f"client process {self.number + 1} died ({self.how}); what it had told is kept"


def processes_for(at_a_time: float, cores: int) -> int:
    """How many processes such a load wants on a machine of so many cores: one is left to everybody else."""
    return max(1, min(math.ceil(at_a_time / PER_PROCESS), cores - 1))


@define(eq=False, kw_only=True)
class Crew:
    """Processes of `python -m MODULE`, which has to end in `desk.serve`; one for each job, all at once.

    `on_record` gets what they tell, as it comes. `on_death` hears of one that broke; the others go on. A crew whose
    `run` is cancelled tells its processes to stop, keeps what they still tell for a few seconds, and leaves nothing
    running. `environ`: of the processes; a secret belongs into a job.
    """

    module: str
    jobs: Sequence[Mapping[str, object]] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)
    on_record: Callable[[Record], None]
    on_death: Callable[[Death], None]
    on_start: Callable[[float], None] = lambda _moment: None
    healths: list[Health] = field(factory=list)
    _hands: list["_Hand"] = field(factory=list)

    async def run(self) -> None:
        """Until all have ended. `on_start` gets the moment of the start, by `time.monotonic`."""
        try:
            for number, job in enumerate(self.jobs):
                self._hands.append(await _employ(number, self.module, self.environ))
                await self._hands[-1].say({"job": job})
            async with trio.open_nursery() as nursery:
                for hand in self._hands:
                    nursery.start_soon(self._listen, hand)
                    nursery.start_soon(hand.overhear)
                await self._start()
        finally:
            with trio.CancelScope(shield=True):
                await self._dismiss()

    async def order(self, number: int, order: Record) -> None:
        """Say something to one process, after the start."""
        await self._hands[number].say({"order": order})

    async def _start(self) -> None:
        with trio.move_on_after(READY_TIMEOUT_S):
            for hand in self._hands:
                await hand.ready.wait()
        for hand in self._hands:
            if not hand.ready.is_set():
                hand.how = f"not ready within {READY_TIMEOUT_S:g} s"
                hand.process.kill()
        moment = time.monotonic() + HEAD_START_S
        self.on_start(moment)
        for hand in self._hands:
            await hand.say({"go": moment})

    async def _listen(self, hand: "_Hand") -> None:
        while (said := await hand.heard()) is not None:
            if "record" in said:
                self.on_record(said["record"])
            elif "ended" in said:
                self.healths.append(Health.read(said["ended"]))
                hand.ended = True
            elif "crashed" in said:
                hand.how = str(said["crashed"])
            hand.ready.set()
        hand.ready.set()  # or it never will be; nobody waits for the dead
        await hand.process.wait()
        if not hand.ended and not hand.dismissed:
            self.on_death(Death(hand.number, hand.how or hand.end()))
        hand.ended = True

    async def _dismiss(self) -> None:
        """Stop whoever still works, politely, then by force."""
        with trio.move_on_after(STOP_GRACE_S):
            async with trio.open_nursery() as nursery:
                for hand in self._hands:
                    if not hand.ended:
                        hand.dismissed = True
                        await hand.stop()
                        nursery.start_soon(self._listen, hand)
        for hand in self._hands:
            hand.process.kill()
            await hand.process.wait()
            await hand.close()


@define(eq=False)
class _Hand:
    """One process. `how`: what it died of, as far as it is known."""

    number: int
    process: trio.Process
    reader: LineReader
    ready: trio.Event = field(factory=trio.Event)
    ended: bool = False
    dismissed: bool = False
    how: str = ""
    _complaint: bytes = b""

    async def say(self, record: Record) -> None:
        """A line into its standard input; to the dead it is lost."""
        assert self.process.stdin is not None
        try:
            await self.process.stdin.send_all(line(record))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def stop(self) -> None:
        """The end of its input: it ends what it does, and tells the rest."""
        assert self.process.stdin is not None
        await self.process.stdin.aclose()

    async def heard(self) -> Record | None:
        """What it says next; None when it is gone, or speaks what is no JSON."""
        try:
            return await self.reader.next()
        except ValueError:
            self.how = "it printed something that is no record"
            self.process.kill()
            return None

    async def overhear(self) -> None:
        """Keep the end of what it prints as an error."""
        assert self.process.stderr is not None
        async for data in self.process.stderr:
            self._complaint = (self._complaint + data)[-STDERR_BYTES:]

    def end(self) -> str:
        """How the process ended, in words."""
        code = self.process.returncode or 0
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        last = self._complaint.decode("utf-8", "replace").strip().splitlines()[-1:]
        return f"exit code {code}" + (f": {last[0]}" if last else "")

    async def close(self) -> None:
        """Its pipes."""
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                await stream.aclose()


async def _employ(number: int, module: str, environ: Mapping[str, str]) -> _Hand:
    """A process in a session of its own: Ctrl+C at the terminal is the parent's to hear."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(environ),
        start_new_session=True,
    )
    assert process.stdout is not None
    return _Hand(number, process, LineReader(process.stdout))


__all__ = ["Crew", "Death", "processes_for"]
