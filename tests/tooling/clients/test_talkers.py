"""warmup, conversation, vision and history against our server: passing, and failing by their own rules."""

from tests.tooling.clients.house import house
from tooling.clients.conversation import CLIENT as CONVERSATION
from tooling.clients.history.__main__ import CLIENT as HISTORY
from tooling.clients.vision import CLIENT as VISION
from tooling.clients.warmup import CLIENT as WARMUP

REMEMBERS = (("name of the boat", "She is called the Heron, of course."), ("which village", "That was Thornby."))
KNOWS = (("name is scratched under", "Wilhelmina it says."), ("my dog called", "Your dog? Marzipan!"))


async def test_warmup_says_a_thing_once_or_twice() -> None:
    async with house() as server:
        once = await server.run(WARMUP, "good", "evening", "--gender", "MAN", "--personality", "flirty")
        twice = await server.run(WARMUP, "--double-ttfb", "--json")
    assert once.code == 0
    lines = once.out.splitlines()
    assert lines[0] == "─[ WARMUP ]─".center(60, "─")
    assert lines[2] == "persona  mark_flirty (male, flirty)"
    assert lines[4:6] == ["  USER  good evening", "  ASST  Well, it rained all day. Did you sleep well?"]
    assert once.last.startswith("✓ PASS answered after ")
    assert not once.err
    told = twice.document
    assert [(turn["label"], turn["kind"], turn["user"]) for turn in told["turns"]] == [
        ("FIRST", "start", told["turns"][0]["user"]),
        ("SECOND", "message", told["turns"][0]["user"]),
    ]
    assert told["summary"]["ttfb_ratio"] > 0
    assert "ttfb FIRST/SECOND" in twice.err
    assert twice.err.splitlines()[-1].startswith("✓ PASS")


async def test_where_only_decisions_are_served_the_decision_is_the_reply() -> None:
    async with house("tool") as server:
        told = await server.run(WARMUP, "--double-ttfb")
        talked = await server.run(CONVERSATION)
        asked = await server.run(HISTORY, "--min-recall", "3")
        looked = await server.run(VISION, "--json")
    assert (told.code, told.out.count("ASST  [tool: yes]"), told.out.count("TOOL  yes (score 0.500)")) == (0, 2, 2)
    assert talked.code == 0
    summary = talked.out.partition("─[ LATENCY SUMMARY ]─")[2].splitlines()[1:]
    assert [line.split()[0] for line in summary] == ["FIRST", "TOOL", "✓"]
    assert asked.code == 0
    assert "recall" not in asked.out
    assert looked.code == 1
    assert [failure["kind"] for failure in looked.document["failures"]] == ["no_tool_response"]
    assert looked.err.splitlines()[-1] == "✗ FAIL server has no chat model (deploy mode both needed)"


async def test_a_conversation_has_ten_turns_a_summary_and_says_what_was_remembered() -> None:
    async with house("both", *REMEMBERS) as server:
        ran = await server.run(CONVERSATION, "--recv-timeout", "30")
        told = (await server.run(CONVERSATION, "--json", "--quiet", "--top_k", "7")).document
    assert ran.code == 0, ran.err
    assert ran.last == "✓ PASS 10 turns"
    assert ran.out.count("cached   ") == 10
    assert [line.split()[1] for line in ran.out.splitlines() if "  recall " in line] == ["found", "found", "missed"]
    assert "asked back  2/3 answered with what was said before" in ran.out
    assert told["summary"]["ask_back"] == {"found": 2, "asked": 3}
    assert len(told["summary"]["cached_tokens"]) == 10
    assert {name: told["summary"][name]["n"] for name in ("ttfb_ms", "tool_ms", "total_ms")} == dict.fromkeys(
        ("ttfb_ms", "tool_ms", "total_ms"), 9
    )
    assert told["config"]["top_k"] == 7
    assert all(turn["toolcall"] == {"status": "yes", "score": 0.5} for turn in told["turns"])


async def test_vision_wants_the_decision_it_was_told_to_expect() -> None:
    async with house("both") as server:
        passed = await server.run(VISION)
        other = await server.run(VISION, "--expect", "no", "--json")
        server.router.yes = False
        agreed = await server.run(VISION, "--expect", "no")
        ordered = await server.run(VISION, "--expect", "any")
    assert passed.code == 0, passed.err
    assert "TOOLCALL status=YES" in passed.out
    assert passed.last == "✓ PASS Vision flow completed successfully"
    assert (other.code, [failure["kind"] for failure in other.document["failures"]]) == (1, ["wrong_response"])
    assert (agreed.code, ordered.code) == (0, 0)
    assert "TOOLCALL status=NO" in agreed.out


async def test_vision_and_a_server_without_a_router() -> None:
    async with house() as server:
        ran = await server.run(VISION)
    assert (ran.code, ran.last) == (1, "✗ FAIL server has no router (deploy mode both needed)")


async def test_history_tells_what_was_kept_and_marks_every_question() -> None:
    async with house("chat", *KNOWS) as server:
        ran = await server.run(HISTORY)
        enough = await server.run(HISTORY, "--min-recall", "1")
        fewer = await server.run(HISTORY, "--min-recall", "2", "--json")
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert lines[3] == "history in: 70 msgs → 35 turns"
    assert lines[4].startswith("history kept: ")
    assert lines[4].endswith(" tokens (trimmed)")
    marks = [line.split()[1] for line in lines if line.startswith("  recall ")]
    assert marks[0] == "trimmed", "what is said of the dog is too old, whatever the model answers"
    assert (marks[-1], len(marks), marks.count("found")) == ("found", 8, 1)
    assert lines[-2] == f"recall 1/8 ({marks.count('missed')} missed, {marks.count('trimmed')} trimmed)"
    assert (enough.code, fewer.code) == (0, 1)
    assert fewer.document["failures"] == [
        {"kind": "recall", "where": "recall", "detail": "1 questions found, --min-recall asks for 2"}
    ]
    assert fewer.document["summary"]["recall"]["found"] == 1


async def test_history_as_a_load_has_its_first_turns_apart() -> None:
    async with house("chat", *KNOWS, MAX_CONCURRENT_CONNECTIONS="2") as server:
        ran = await server.run(HISTORY, "--bench", "-n", "5", "-c", "2", "--min-recall", "1")
        told = (await server.run(HISTORY, "--bench", "-n", "2", "--json", "--quiet")).document
    assert ran.code == 0, ran.err
    assert "results: 40 ok, 0 errors" in ran.out
    assert ran.out.count("history in: 70 msgs → 35 turns") == 1
    assert "recall 5/40" in ran.out
    assert [int(line.split()[-1]) for line in ran.out.splitlines() if "TTFB (chat)" in line] == [5, 35]
    assert ran.last == "✓ PASS 5 connections, 40 turns"
    assert "40/40  ok 40  failed 0" in ran.err
    assert (told["summary"]["first"]["ttfb_ms"]["n"], told["summary"]["ttfb_ms"]["n"]) == (2, 14)
    assert {turn["connection"] for turn in told["turns"]} == {0, 1}


async def test_who_is_turned_away_had_no_connection() -> None:
    async with house(MAX_CONCURRENT_CONNECTIONS="1", WS_HANDSHAKE_ACQUIRE_TIMEOUT_S="0.05") as server:
        async with server.place.connected():
            ran = await server.run(HISTORY, "--bench", "-n", "2", "-c", "1")
    assert ran.code == 3
    assert "results: 0 ok, 2 errors" in ran.out
    assert "  connection_failed: 2" in ran.out
    assert "connection 1, question 1: ERROR server_at_capacity/no_slot: " in ran.err
    assert ran.last.startswith("✗ FAIL ERROR server_at_capacity/no_slot: ")
    assert "MAX_CONCURRENT_CONNECTIONS" in ran.last
