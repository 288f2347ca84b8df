"""A campaign of any length tells how far it is in about twenty lines, or one a minute."""

import io

from tests.simulation.progress import Progress


class Terminal(io.StringIO):
    """A stream that is one."""

    def isatty(self) -> bool:
        return True


def test_a_long_campaign_is_twenty_lines_where_nobody_watches() -> None:
    log = io.StringIO()
    progress = Progress(100_000, log, clock=lambda: 0.0)
    for done in range(10, 100_001, 10):
        progress.tell(done)
    lines = log.getvalue().splitlines()
    assert (len(lines), lines[0], lines[-1]) == (20, "5000 of 100000 seeds", "100000 of 100000 seeds")


def test_a_slow_one_is_told_every_minute() -> None:
    log, now = io.StringIO(), [0.0]
    progress = Progress(100_000, log, clock=lambda: now[0])
    for done in range(10, 301, 10):
        now[0] += 10
        progress.tell(done)
    assert log.getvalue().splitlines() == [f"{done} of 100000 seeds" for done in range(60, 301, 60)]


def test_a_terminal_is_redrawn_and_left_with_a_whole_line() -> None:
    screen = Terminal()
    progress = Progress(20, screen)
    for done in (10, 20):
        progress.tell(done)
    assert screen.getvalue() == "10 of 20 seeds\r20 of 20 seeds\n"
