"""A mailbox handles messages in the order in which they were put, whoever handles them."""

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from actors.mailbox import Mailbox


async def test_a_message_that_is_delivered_never_overtakes_one_that_was_put() -> None:
    handled: list[int] = []
    mailbox = Mailbox(8, handled.append)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mailbox.run)
        await trio.testing.wait_all_tasks_blocked()
        mailbox.put(1)  # the owner's task is waiting for exactly this, but has not run yet
        mailbox.put(2)
        mailbox.deliver(3)
        assert handled == [1, 2, 3]
        mailbox.close()
        await trio.testing.wait_all_tasks_blocked()
    assert handled == [1, 2, 3]


async def test_messages_that_wait_are_handled_by_the_owners_task() -> None:
    handled: list[int] = []
    mailbox = Mailbox(8, handled.append)
    async with trio.open_nursery() as nursery:
        mailbox.put(1)
        nursery.start_soon(mailbox.run)
        await trio.testing.wait_all_tasks_blocked()
        mailbox.put(2)
        await trio.testing.wait_all_tasks_blocked()
        assert handled == [1, 2]
        mailbox.close()


@given(st.lists(st.sampled_from(["put", "deliver", "wait"]), max_size=30))
def test_any_mix_of_putting_and_delivering_keeps_the_order(ways: list[str]) -> None:
    handled: list[int] = []

    async def mix() -> None:
        mailbox = Mailbox(100, handled.append)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(mailbox.run)
            for number, way in enumerate(ways):
                if way == "wait":
                    await trio.lowlevel.checkpoint()
                else:
                    (mailbox.put if way == "put" else mailbox.deliver)(number)
            await trio.testing.wait_all_tasks_blocked()
            mailbox.close()

    trio.run(mix)
    assert handled == [number for number, way in enumerate(ways) if way != "wait"]


async def test_a_handler_may_put_but_must_not_deliver() -> None:
    handled: list[str] = []

    def handle(message: str) -> None:
        handled.append(message)
        if message == "first":
            mailbox.put("second")
            with pytest.raises(AssertionError, match="reorder"):
                mailbox.deliver("never")

    mailbox: Mailbox[str] = Mailbox(8, handle)
    mailbox.deliver("first")
    mailbox.deliver("third")
    assert handled == ["first", "second", "third"]


def test_a_full_mailbox_says_so_instead_of_growing() -> None:
    mailbox: Mailbox[int] = Mailbox(2, lambda _message: None)
    mailbox.put(1)
    mailbox.put(2)
    with pytest.raises(trio.WouldBlock):
        mailbox.put(3)


async def test_a_closed_mailbox_ignores_what_comes_and_lets_its_owner_go() -> None:
    handled: list[int] = []
    mailbox = Mailbox(8, handled.append)
    mailbox.put(1)
    mailbox.close()
    mailbox.put(2)
    mailbox.deliver(3)
    with trio.fail_after(1):
        await mailbox.run()
    assert handled == []


async def test_a_handler_that_closes_the_mailbox_is_the_last_to_be_called() -> None:
    handled: list[int] = []

    def handle(message: int) -> None:
        handled.append(message)
        mailbox.close()

    mailbox = Mailbox(8, handle)
    mailbox.put(1)
    mailbox.put(2)
    with trio.fail_after(1):
        await mailbox.run()
    assert handled == [1]
