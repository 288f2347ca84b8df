"""Progress lines of a long step."""

import pytest

from tooling.demo import progress


@pytest.mark.parametrize("count", [1, 7, 10, 95])
def test_without_a_terminal_each_tenth_is_said_at_most_once_and_the_end_always(count: int) -> None:
    lines: list[str] = []
    assert list(progress.steps(count, "work", lines.append)) == list(range(count))
    assert len(lines) == min(count, 10)
    assert lines[-1].startswith("work: 100 %")


@pytest.mark.parametrize("amounts", [[0, 0, 3, 95, 100], [100], [0, 40, 20, 100]])
def test_amounts_may_stand_still_jump_and_fall_back(amounts: list[int]) -> None:
    lines: list[str] = []
    with progress.Bar(100, "work", lines.append, unit="B") as bar:
        for amount in amounts:
            bar.reach(amount)
    assert lines[-1].startswith("work: 100 %")
    assert len(lines) <= len(amounts)


def test_a_report_line_goes_to_stderr_alone(capsys: pytest.CaptureFixture[str]) -> None:
    progress.stderr_line("hello")
    assert capsys.readouterr() == ("", "hello\n")
