"""Payloads that are refused: protocol, sections 4 and 6; behaviour, sections 2, 3 and 5. Each has a name of its own."""

import json

from tests.e2e.client import PROMPT, Client
from tests.runtime.serving import Serving, says, talks
from tests.runtime.wrong_payloads import (
    ANY_TURN,
    FIRST,
    NOT_TEXT,
    OTHERS,
    PLAYED,
    SAMPLING,
    UTTERANCES,
    Row,
    first,
    later,
)


async def _refused(client: Client, kind: str, number: int, row: Row, name: str) -> None:
    payload, code, reason = row
    await client.say(kind, f"bad-{number}", payload)
    found_code, found_reason, frame = await client.refusal()
    assert (found_code, found_reason, frame["request_id"]) == (code, reason, f"bad-{number}"), name
    assert frame["session_id"] == "s-1"
    assert "usage" not in frame["payload"], "no turn ran"


async def test_a_first_start_that_is_wrong_is_told_why_and_closed_with_1008(serving: Serving) -> None:
    rows = FIRST | {name: (first(**row[0]), row[1], row[2]) for name, row in (SAMPLING | PLAYED).items()}
    rows |= {name: ({"chat_prompt": PROMPT, **row[0]}, row[1], row[2]) for name, row in UTTERANCES.items()}
    async with serving(MAX_CONCURRENT_CONNECTIONS="64") as place:
        for name, row in rows.items():
            async with place.connected() as client:
                await _refused(client, "start", 1, row, name)
                await client.socket.aclose()
                assert client.socket.closed is not None
        async with place.connected() as client:
            await client.say("start", "r-1", {})
            await client.refusal()
            assert (await client.closed())[0] == 1008
        assert place.engine.submitted == []


async def test_a_later_turn_frame_that_is_wrong_is_told_why_and_stores_nothing(serving: Serving) -> None:
    async with serving(says("Yes."), WS_MAX_MESSAGES_PER_WINDOW="0") as place, place.connected() as client:
        await client.start()
        await client.rest()
        for kind in ("message", "start"):
            for number, (name, row) in enumerate(ANY_TURN.items()):
                await _refused(client, kind, number, row, name)
        await client.answers_pings()
        await client.message("r-2")
        done = (await client.rest())[-1]
        assert done["type"] == "done"
        first_prompt, second = (request.prompt_ids for request in place.engine.submitted)
        assert len(second) < len(first_prompt) + 40, "refused frames left something in the prompt"


async def test_a_refused_turn_frame_does_not_touch_the_running_turn(serving: Serving) -> None:
    async with serving(talks(150, 0.02), WS_MAX_MESSAGES_PER_WINDOW="0") as place, place.connected() as client:
        await client.start()
        await client.until("token")
        for number, (payload, _, _) in enumerate(ANY_TURN.values()):
            await client.say("message", f"bad-{number}", payload)
        for number, value in enumerate(NOT_TEXT):
            await client.say("followup", f"bad-f-{number}", {"analysis_text": value})
        await client.say("message", "r-1", later())
        frames = await client.until("done")
        refused = [frame["payload"]["details"]["reason_code"] for frame in frames if frame["type"] == "error"]
        expected = [reason for _, _, reason in ANY_TURN.values()]
        assert refused == [*expected, *["invalid_analysis_text"] * len(NOT_TEXT), "duplicate_request_id"]
        assert frames[-1]["request_id"] == "r-1"
        assert frames[-1]["payload"]["usage"]["completion_tokens"] == 150
        assert place.engine.aborted == []


async def test_a_range_message_reads_as_the_protocol_says(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start()
        await client.rest()
        await client.message("r-2", sampling={"temperature": 9})
        assert (await client.refusal())[2]["payload"]["message"] == "temperature must be between 0.0 and 1.2"


async def test_a_turn_before_a_session_is_refused_and_the_connection_stays(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        for kind, payload in (("message", later()), ("followup", {"analysis_text": "a cat"})):
            await client.say(kind, "r-1", payload)
            assert (await client.refusal())[:2] == ("invalid_message", "no_active_session")
        await client.start("r-1")
        assert (await client.rest())[-1]["type"] == "done", "an id of a refused frame is not used"


async def test_a_followup_needs_its_text(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start()
        await client.rest()
        for value in (None, "", " "):
            await client.say("followup", "r-2", {"analysis_text": value})
            assert (await client.refusal())[:2] == ("invalid_payload", "missing_analysis_text")
        await client.say("followup", "r-2", {"analysis_text": "x" * 100_001})
        assert (await client.refusal())[:2] == ("invalid_payload", "utterance_too_large")


async def test_another_session_id_on_a_turn_or_cancel_frame_is_refused(serving: Serving) -> None:
    async with serving(talks(60)) as place, place.connected() as client:
        await client.start()
        await client.until("token")
        client.session_id = "s-2"
        await client.start("r-2")
        await client.message("r-3")
        await client.say("followup", "r-4", {"analysis_text": "a cat"})
        await client.say("cancel", "r-5")
        frames = await client.until("done")
        errors = [frame for frame in frames if frame["type"] == "error"]
        assert [error["payload"]["details"]["reason_code"] for error in errors] == ["invalid_session_id"] * 4
        assert [error["payload"]["code"] for error in errors] == ["invalid_payload"] * 4
        assert {error["session_id"] for error in errors} == {"s-2"}
        await client.answers_pings()


async def test_a_used_id_is_refused_for_every_turn_frame(serving: Serving) -> None:
    async with serving(says("Yes.")) as place, place.connected() as client:
        await client.start()
        await client.rest()
        await client.start("r-1")
        assert (await client.refusal())[:2] == ("invalid_message", "duplicate_request_id")
        await client.message("r-1")
        assert (await client.refusal())[:2] == ("invalid_message", "duplicate_request_id")
        await client.say("followup", "r-1", {"analysis_text": "a cat"})
        assert (await client.refusal())[:2] == ("invalid_message", "duplicate_request_id")
        await client.raw(json.dumps({"type": "message", "session_id": "s-1", "request_id": 7, "payload": later()}))
        await client.rest()
        await client.message("7")
        assert (await client.refusal())[:2] == ("invalid_message", "duplicate_request_id")


async def test_a_cancel_reason_that_is_no_short_text_is_refused(serving: Serving) -> None:
    async with serving(talks(60)) as place, place.connected() as client:
        await client.start()
        await client.until("token")
        for reason in (*OTHERS, "x" * 65):
            await client.say("cancel", "c-1", {"reason": reason})
        frames = await client.until("done")
        errors = [frame["payload"]["details"]["reason_code"] for frame in frames if frame["type"] == "error"]
        assert errors == ["invalid_reason"] * (len(OTHERS) + 1)
