"""The table and the ratios of contenders."""

from tooling.benchmarks.serving.comparing import BARE, OURS, SERVE, Told, cpu_figures, gpu_figures


def row(contender: str, sessions: int, value: float) -> dict[str, object]:
    columns = ("ttft_p50_ms", "ttft_p99_ms", "itl_p99_ms", "tokens_per_s", "front_cpu_us_per_token")
    return {"contender": contender, "sessions": sessions, "errors": 0, **dict.fromkeys(columns, value)} | dict.fromkeys(
        ("itl_p50_ms", "client_cpu_us_per_token", "prefix_hits")
    )


def test_rounds_are_compared_in_the_order_in_which_they_were_measured() -> None:
    told = Told([row(OURS, 8, 1.0), row(SERVE, 8, 2.0), row(OURS, 8, 3.0), row(SERVE, 8, 4.0)])
    (ratio,) = told.ratio("ttft_p50_ms", 8, OURS, SERVE, at_most=0.5)
    assert (ratio.spread.least, ratio.spread.most) == (0.5, 0.75)


def test_a_contender_that_was_not_measured_has_no_figures() -> None:
    told = Told([row(OURS, 128, 1.0), row(BARE, 128, 1.0)])
    assert not list(cpu_figures(told))
    assert {figure.name.partition(":")[0] for figure in gpu_figures(told) if figure.target} == {
        "ttft_p99_ms",
        "itl_p99_ms",
        "tokens_per_s",
    }
    assert [line["runs"] for line in told.table()] == [1, 1]
