"""A turn's prompt: ids that leave room for the reply, of a conversation that the chat template takes. Blocking."""

from collections.abc import Sequence

import structlog

from actors.session.history import History, HistoryMessage
from actors.session.opening import Render
from engines.errors import TextRefused, TurnFailed

log = structlog.get_logger()


def fitting_prompt(render: Render, history: History, chat_prompt: str, room: int) -> list[int]:
    """The ids of at most `room` tokens; without the oldest turns where merges across messages cost more than the parts.

    An earlier turn that the chat template does not take any more is left out as well: it was said, and cannot be said
    otherwise. Raises `TextRefused` if it is the newest turn's text.
    """
    while True:
        try:
            ids = render(history.prompt_messages(chat_prompt))
        except TextRefused:
            history = _without_the_refused(render, history, chat_prompt)
            continue
        if len(ids) <= room:
            return ids
        shorter = history.without_oldest()
        if shorter == history:
            raise TurnFailed(
                f"the prompt has {len(ids)} tokens and cannot be made shorter; "
                f"{room} fit: CHAT_MAX_LEN less CHAT_MAX_OUT"
            )
        history = shorter


def _without_the_refused(render: Render, history: History, chat_prompt: str) -> History:
    """A history that renders: without the earlier turns that are refused. Raises `TextRefused`.

    Each is tried with the newest turn alone, so that a long history takes no longer than a few prompts.
    """
    *earlier, newest = history.turns()

    def is_taken(*turns: Sequence[HistoryMessage]) -> bool:
        try:
            render(_of(*turns, newest).prompt_messages(chat_prompt))
        except TextRefused:
            return False
        return True

    render(_of(newest).prompt_messages(chat_prompt))  # refused by itself: then it is this text
    kept = [turn for turn in earlier if is_taken(turn)]
    if not is_taken(*kept):
        kept = []  # it is what they are together
    log.warning("history.left_out", turns=len(earlier) - len(kept))
    return _of(*kept, newest)


def _of(*turns: Sequence[HistoryMessage]) -> History:
    return History(tuple(message for turn in turns for message in turn))


__all__ = ["fitting_prompt"]
