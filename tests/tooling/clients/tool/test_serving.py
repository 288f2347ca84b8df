"""The tool regression and the real server, whose router decides as the labels say; with and without a chat model."""

import pytest
import trio
from attrs import define

from actors.router import Decision
from actors.session.intake import Routing
from tests.runtime.serving import says, serving
from tests.tooling.clients.tool.scene import FIRST, LABELS, Regression


@define
class Labelled:
    """A router that decides by the newest line; wrongly for `mistaken`."""

    mistaken: str = ""

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """The label of the last thing that was said."""
        await trio.lowlevel.checkpoint()
        said = text.rpartition("\n")[2]
        yes = LABELS[said] is not (said == self.mistaken)
        return Decision(yes=yes, score=0.9 if yes else 0.1)


def measure() -> Routing:
    """Texts measured in characters."""
    return Routing(count=len, cut_end=lambda text, budget: (text[-budget:], min(len(text), budget)), budget=2000)


@pytest.mark.parametrize(("chats", "cases"), [(True, 3), (False, 24)])
async def test_the_server_passes_cases_of_many_domains(regression: Regression, chats: bool, cases: int) -> None:
    async with serving(says("Let", " me", " see", "."), TEXT_API_KEY="stand-in-key") as place:
        place.route(Labelled(), measure(), chats=chats)
        told = await regression(f"ws://127.0.0.1:{place.port}/ws", "--limit", str(cases), "--concurrency", "4")
        await place.until_idle()
    assert (told.code, told.kinds) == (0, [])
    assert (told.summary["cases_passed"], len(told.summary["domains"])) == (cases, cases)
    assert all(bool(turn["text"]) is chats for turn in told.document["turns"])


async def test_a_router_that_errs_once_is_found_out(regression: Regression) -> None:
    async with serving(says("Hm", "."), TEXT_API_KEY="stand-in-key") as place:
        place.route(Labelled(FIRST.steps[3].text), measure())
        told = await regression(f"ws://127.0.0.1:{place.port}/ws", "--limit", "2")
    assert (told.code, told.kinds) == (1, ["wrong_response"])
    assert told.document["failures"][0]["where"] == f"{FIRST.key} step 4"


async def test_a_server_without_a_router_is_chat_only(regression: Regression) -> None:
    async with serving(says("Hello", "."), TEXT_API_KEY="stand-in-key") as place:
        told = await regression(f"ws://127.0.0.1:{place.port}/ws", "--concurrency", "4")
        await place.until_idle()
    assert told.code == 1
    assert told.lines[-1].startswith("✗ FAIL chat-only server")
