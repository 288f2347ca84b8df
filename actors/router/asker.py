"""A turn's side of its talk with the router's actor."""

import trio
from attrs import frozen

from actors.channels import DECISIONS
from actors.router.messages import Decision, Message, Question, Withdraw


@frozen
class Asker:
    """Asks the router. `mailbox`: its actor's."""

    mailbox: trio.MemorySendChannel[Message]

    async def decide(self, text: str, timeout_s: float) -> Decision:
        """Whether the last of these user texts asks for a look at the screen; no if it cannot be known in time.

        Never fails. A question that is cancelled or late is withdrawn before this returns: the message is in the
        mailbox then.
        """
        asker, answers = trio.open_memory_channel[Decision](DECISIONS)
        question = Question(text, trio.current_time(), asker)
        with self.mailbox.clone() as mailbox, answers:
            mailbox.send_nowait(question)
            try:
                with trio.move_on_after(timeout_s):
                    return await answers.receive()
                return answers.receive_nowait()  # an answer in the scheduler turn of the deadline is in time
            except trio.Cancelled:
                mailbox.send_nowait(Withdraw(question, late=False))
                raise
            except trio.WouldBlock:
                mailbox.send_nowait(Withdraw(question, late=True))
                return Decision(yes=False, score=None)


__all__ = ["Asker"]
