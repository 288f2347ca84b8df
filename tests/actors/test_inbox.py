"""A inbox handles messages in the order in which they were put, whoever handles them."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.inbox import Inbox


async def test_a_message_that_is_delivered_never_overtakes_one_that_was_put() -> None:
    handled: list[int] = []
    inbox = Inbox(8, handled.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(inbox.run)
        await trio.testing.wait_all_tasks_blocked()
        inbox.put(1)  # the owner's task is waiting for exactly this, but has not run yet
        inbox.put(2)
        inbox.deliver(3)
        assert handled == [1, 2, 3]
        inbox.close()
        await trio.testing.wait_all_tasks_blocked()
    assert handled == [1, 2, 3]


async def test_messages_that_wait_are_handled_by_the_owners_task() -> None:
    handled: list[int] = []
    inbox = Inbox(8, handled.append)
    async with trio.open_nursery() as nursery:
        inbox.put(1)
        nursery.start_soon(inbox.run)
        await trio.testing.wait_all_tasks_blocked()
        inbox.put(2)
        await trio.testing.wait_all_tasks_blocked()
        assert handled == [1, 2]
        inbox.close()


@given(st.lists(st.sampled_from(["put", "deliver", "wait"]), max_size=30))
def test_any_mix_of_putting_and_delivering_keeps_the_order(ways: list[str]) -> None:
    handled: list[int] = []

    async def mix() -> None:
        inbox = Inbox(100, handled.append)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(inbox.run)
            for number, way in enumerate(ways):
                if way == "wait":
                    await trio.lowlevel.checkpoint()
                else:
                    (inbox.put if way == "put" else inbox.deliver)(number)
            await trio.testing.wait_all_tasks_blocked()
            inbox.close()

    trio.run(mix)
    assert handled == [number for number, way in enumerate(ways) if way != "wait"]


async def test_a_handler_may_put_but_must_not_deliver() -> None:
    handled: list[str] = []

    def handle(message: str) -> None:
        handled.append(message)
        if message == "first":
            inbox.put("second")
            with pytest.raises(AssertionError, match="reorder"):
                inbox.deliver("never")

    inbox: Inbox[str] = Inbox(8, handle)
    inbox.deliver("first")
    inbox.deliver("third")
    assert handled == ["first", "second", "third"]


def test_a_full_mailbox_says_so_instead_of_growing() -> None:
    inbox: Inbox[int] = Inbox(2, lambda _message: None)
    inbox.put(1)
    inbox.put(2)
    with pytest.raises(trio.WouldBlock):
        inbox.put(3)


async def test_a_closed_mailbox_ignores_what_comes_and_lets_its_owner_go() -> None:
    handled: list[int] = []
    inbox = Inbox(8, handled.append)
    inbox.put(1)
    inbox.close()
    inbox.put(2)
    inbox.deliver(3)
    with trio.fail_after(1):
        await inbox.run()
    assert handled == []


async def test_a_handler_that_closes_the_mailbox_is_the_last_to_be_called() -> None:
    handled: list[int] = []

    def handle(message: int) -> None:
        handled.append(message)
        inbox.close()

    inbox = Inbox(8, handle)
    inbox.put(1)
    inbox.put(2)
    with trio.fail_after(1):
        await inbox.run()
    assert handled == [1]
