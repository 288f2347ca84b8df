"""Sessions of both flavours with a real server and its scripted engine."""

import pytest

from tests.runtime.serving import Place, says, serving, talks
from tests.tooling.yap_client.flavours import Flavour
from tooling.yap_client import (
    Cancelled,
    ConnectError,
    Done,
    Message,
    ServerError,
    Session,
    SessionOver,
    Token,
    Turn,
)

OPTIONS = {"key": "k-1", "prompt": "Be kind and brief."}


def url(place: Place) -> str:
    return f"http://127.0.0.1:{place.port}"


async def test_a_turn_streams_and_tells_its_figures(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            async with session.say("hello", sampling={"temperature": 0.5}) as turn:
                pieces = [text async for text in turn.text()]
            assert "".join(pieces) == turn.so_far == "One two."
            assert turn.usage is not None
            assert turn.usage.completion_tokens == 2
            assert (turn.finish_reason, turn.decision) == ("stop", None)
            assert turn.ttft_s is not None
            assert 0 < turn.ttft_s <= (turn.total_s or 0)
            assert await (await session.say("more")).reply() == "One two."
            assert session.model.startswith("toy-chat")
            assert await session.ping() < 5
            assert [message.role for message in session.history] == ["user", "assistant"] * 2

    async with serving(says("One", " two.")) as place:
        await flavour.run(body)
        await place.until_idle()
        assert place.engine.submitted[0].sampling.temperature == 0.5
        assert place.prompt().count("One two.") == 1


async def test_a_session_brings_its_persona_history_and_speech(flavour: Flavour) -> None:
    history = [Message("user", "my cat is Mimi"), Message("assistant", "A fine name.")]

    async def body() -> None:
        options = {"gender": "Woman", "personality": "warm", "language": "de", "keep_tags": ["break"]}
        async with flavour.connect(url(place), **OPTIONS, **options, history=history) as session:
            turn = await session.say("who is Mimi?")
            assert turn.ack is not None
            assert turn.ack.details["gender"] == "female"
            assert turn.ack.details["history"]["input_messages"] == 2
            await turn.reply()
            assert [message.content for message in session.history][:3] == [
                "my cat is Mimi",
                "A fine name.",
                "who is Mimi?",
            ]

    async with serving(says("Your", " cat.")) as place:
        await flavour.run(body)
        assert "A fine name." in place.prompt()


async def test_a_new_turn_interrupts_the_old_and_says_what_was_heard(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            first = await session.say("tell me a story")
            reading = first.text()
            heard = await anext(reading)
            first.heard(len(heard))
            second = await session.say("stop, what time is it?")
            assert second.ack is not None
            assert second.ack.played == "applied"
            left = [text async for text in reading]
            assert isinstance(first.ending, Cancelled)
            assert first.ending.reason == "barge_in"
            assert first.so_far == heard + "".join(left)
            assert [message.content for message in session.history][1] == heard.rstrip(" ")
            second.heard(0)
            await second.cancel("enough")
            assert isinstance(second.ending, Cancelled)
            assert (second.ending.reason, second.ending.played) == ("enough", "applied")

    async with serving(talks(100, 0.01)) as place:
        await flavour.run(body)
        await place.until_idle()


async def test_unread_tokens_of_one_turn_hold_up_nothing(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            first = await session.say("one")
            while first.ending is None:
                await session.ping()
            second = await session.say("two")
            assert await second.reply() == first.so_far
            events = [event async for event in first.events()]
            assert "".join(event.text for event in events if isinstance(event, Token)) == first.so_far
            assert isinstance(events[-1], Done)

    async with serving(talks(60, 0.0)) as place:
        await flavour.run(body)


@pytest.mark.parametrize("way", ["break", "error", "cancelled in the block", "cancelled at the wait"])
async def test_a_turn_whose_block_is_left_early_is_cancelled(flavour: Flavour, way: str) -> None:
    async def leaves() -> None:
        async with session_box[0].say("go on for long") as turn:
            async for _ in turn.text():
                if way == "break":
                    break
                if way == "error":
                    raise LookupError
                if way == "cancelled in the block":
                    await flavour.sleep(60)

    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            session_box.append(session)
            if way == "error":
                with pytest.raises(LookupError):
                    await leaves()
            elif way == "break":
                await leaves()
            else:
                assert await flavour.cancelled_after(0.2, leaves)
            while place.engine.aborted == []:
                await session.ping()
            after = await session.say("and now?")
            await after.cancel()

    session_box: list[Session] = []
    async with serving(talks(1000, 0.01)) as place:
        await flavour.run(body)
        await place.until_idle()


async def test_a_wait_that_is_cancelled_stops_a_turn_that_no_block_has(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            turn = await session.say("go on for long")
            assert await flavour.cancelled_after(0.2, lambda: _read(turn))
            while turn.ending is None:
                await session.ping()
            assert isinstance(turn.ending, Cancelled)
            async with session.say("and again") as owned:  # within a block the wait is only a wait
                await anext(owned.text())
                assert await flavour.cancelled_after(0.05, lambda: _read(owned))
                await session.ping()  # a cancel would have been answered by now
                assert owned.ending is None

    async with serving(talks(1000, 0.01)) as place:
        await flavour.run(body)
        await place.until_idle()


async def _read(turn: Turn) -> None:
    async for _ in turn.text():
        pass


async def test_refusals_are_errors_with_their_codes_and_leave_the_session_usable(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            await (await session.say("hi")).reply()
            with pytest.raises(ServerError) as caught:
                await session.say("hi", sampling={"temperature": 9})
            assert (caught.value.code, caught.value.reason_code) == ("invalid_payload", "temperature_out_of_range")
            assert "temperature" in caught.value.message
            with pytest.raises(ValueError, match="blank"):
                await session.say("  ")
            assert await (await session.say("hi again")).reply() == "One."
            assert len(session.history) == 4

    async with serving(says("One.")) as place:
        await flavour.run(body)


@pytest.mark.parametrize("auth", ["query", "header", "bearer"])
async def test_a_key_travels_each_way_and_a_wrong_one_is_told_at_once(flavour: Flavour, auth: str) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS, auth=auth):
            pass
        async with flavour.connect(url(place) + "?api_key=k-1", auth=auth):
            pass
        with pytest.raises(ServerError, match="authentication_failed/invalid_key") as caught:
            async with flavour.connect(url(place), key="hush-hush", auth=auth):
                pass
        assert "hush" not in f"{caught.value!r} {caught.value}"
        with pytest.raises(ServerError, match="missing_key"):
            async with flavour.connect(url(place)):
                pass

    async with serving(says("One.")) as place:
        await flavour.run(body)


async def test_too_many_wrong_keys_are_no_reason_to_try_again(flavour: Flavour) -> None:
    async def body() -> None:
        for _ in range(2):
            with pytest.raises(ServerError):
                async with flavour.connect(url(place), key="wrong"):
                    pass
        with pytest.raises(ConnectError, match="HTTP 429") as caught:
            async with flavour.connect(url(place), key="wrong"):
                pass
        assert (caught.value.status, caught.value.passing) == (429, False)

    async with serving(says("One."), AUTH_MAX_FAILURES="1") as place:
        await flavour.run(body)


async def test_a_followup_belongs_to_its_session(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            with pytest.raises(ServerError, match="no_active_session"):
                await session.followup("a cat on a mat")
            await (await session.say("look")).reply()
            assert await (await session.followup("a cat on a mat")).reply() == "One."

    async with serving(says("One.")) as place:
        await flavour.run(body)


async def test_two_sessions_at_once_do_not_know_each_other(flavour: Flavour) -> None:
    async def one() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            for number in range(5):
                assert await (await session.say(f"turn {number}")).reply() == "One two."
            assert len(session.history) == 10

    async with serving(says("One", " two.")) as place:
        await flavour.run(lambda: flavour.together(*[one] * 8))
        await place.until_idle()


async def test_after_the_end_nothing_more_can_be_said(flavour: Flavour) -> None:
    async def body() -> None:
        async with flavour.connect(url(place), **OPTIONS) as session:
            await session.end()
            await session.end()
            with pytest.raises(SessionOver, match="it was ended"):
                await session.say("hello?")
            with pytest.raises(SessionOver):
                await session.ping()

    async with serving(says("One.")) as place:
        await flavour.run(body)
