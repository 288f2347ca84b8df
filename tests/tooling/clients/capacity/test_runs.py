"""The client as a whole, with its real processes: our server, and a stand-in of chat completions beside it."""

import os
from collections.abc import Sequence
from pathlib import Path

from tests.tooling.clients.capacity.endpoint import Endpoint, serving
from tests.tooling.clients.house import House, Ran, house
from tooling.clients.capacity.__main__ import CAPACITY

ROOT = Path(__file__).parents[4]
BRIEF = ("--spread", "0.3", "--settle", "0.2", "--window", "2.5", "--most", "1", "--ttft-ms", "9000")
UNHURRIED = ("--sentence-ms", "9000", "--dry", "1")  # a busy machine must not decide


async def run(at: House, *flags: str, **environ: str) -> Ran:
    return await at.run(CAPACITY, *flags, PATH=os.defpath, PYTHONPATH=str(ROOT), **environ)


async def test_both_servers_are_loaded_alike_and_the_sentence_is_said() -> None:
    async with house(MAX_CONCURRENT_CONNECTIONS="8") as at, serving() as there:
        ran = await run(at, "--json", *BRIEF, *UNHURRIED, "--openai", there.url, OPENAI_API_KEY="rival-key")
    assert ran.code == 0, ran.err
    assert "rival-key" not in ran.out + ran.err
    told = ran.document["summary"]
    assert set(told) == {"ours", "openai"}
    for name in told:
        assert told[name]["fits"] == 1
        assert told[name]["sentence"].startswith("at least 1 caller fits")
        (level,) = told[name]["levels"]
        assert level["turns"] > 0
        assert level["failed"] == 0
    assert {str(asked["model"]) for asked in there.asked} == {"the-model"}
    assert "at least 1 caller fits" in ran.err.splitlines()[-1]


async def refused(at: House, flags: Sequence[str], **environ: str) -> tuple[int, str]:
    ran = await run(at, *flags, **environ)
    return ran.code, (ran.out + ran.err).splitlines()[-1]  # a usage error is told on stderr alone


async def test_what_cannot_be_loaded_is_said_before_a_load_begins() -> None:
    async with house() as at, serving(models=()) as there:
        code, last = await refused(at, (), TEXT_API_KEY="wrong")
        assert (code, "authentication_failed" in last) == (3, True)
        code, last = await refused(at, ["--openai", there.url])
        assert (code, "serves no model" in last) == (2, True)
        code, last = await refused(at, ["--openai", "ftp://somewhere"])
        assert (code, "http://127.0.0.1:8001/v1" in last) == (2, True)
        code, last = await refused(at, ["--openai-only"])
        assert (code, "--openai-only needs --openai" in last) == (2, True)
        code, last = await refused(at, ["--plot", "loads.gif"])
        assert (code, ".png" in last) == (2, True)
        code, last = await refused(at, ["--openai-only", "--openai", Endpoint(port=1).url])
        assert (code, "no connection" in last) == (3, True)


async def test_a_server_without_a_chat_model_has_no_replies_to_listen_to() -> None:
    async with house("tool") as at:
        code, last = await refused(at, ())
    assert (code, "no chat model" in last) == (1, True)
