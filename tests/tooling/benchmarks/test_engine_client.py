"""The engine client's benchmark as far as it goes without an engine: its model, its table, its verdict."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from tooling.benchmarks.engine_client import model
from tooling.benchmarks.engine_client.__main__ import RIVAL, WAYS, judge, rows, table_lines
from tooling.benchmarks.engine_client.work import Took


def _told(**us: Sequence[float]) -> dict[tuple[str, int], list[Took]]:
    names = dict(zip(("ours", "public", "rival"), WAYS, strict=True))
    return {
        (names[name], requests): [Took(cpu_s=each * 1000 / 1e6, tokens=1000, wall_s=2.0) for each in values]
        for name, values in us.items()
        for requests in (1, 128)
    }


def test_ratios_are_of_the_same_round_and_told_with_their_spread() -> None:
    table = list(rows(_told(ours=(6, 9, 7), public=(24, 26, 25), rival=(20, 18, 28))))
    assert [(row.requests, row.way) for row in table] == [(count, way) for count in (1, 128) for way in WAYS]
    ours = table[0]
    assert ours.us_per_token == (7.0, 6.0, 9.0)
    assert ours.ratio == (0.3, 0.25, 0.5)
    assert ours.tokens_per_s == 500.0
    assert [row.ratio for row in table if row.way == RIVAL] == [(1.0, 1.0, 1.0)] * 2
    lines = list(table_lines(table))
    assert lines[2] == "| 1 | ours | 7.0 (6.0-9.0) | 0.30 (0.25-0.50) | 500 |"
    assert len(lines) == 2 + len(table)


@pytest.mark.parametrize(("ours", "status"), [((8, 8, 7), 0), ((9, 9, 9), 1)])
def test_the_verdict_is_the_ratio_at_the_most_requests_and_comes_last(
    ours: Sequence[float], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge(list(rows(_told(ours=ours, public=(9, 9, 9), rival=(20, 20, 20))))) == status
    assert capsys.readouterr().out.startswith(f"ours to {RIVAL} at 128 requests: {ours[0] / 20}")


def test_the_vocabulary_is_words_and_the_prompts_are_different_texts_of_it(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(model.write(tmp_path) / "tokenizer.json"))
    size = tokenizer.get_vocab_size()
    broken = sum("\ufffd" in tokenizer.decode([id_]) for id_ in range(size))
    assert broken < size / 20
    made = model.prompts(tmp_path, 20, 32)
    assert made == model.prompts(tmp_path, 20, 32)
    assert len({tuple(ids) for ids in made}) == 20
    assert {len(ids) for ids in made} == {32}
