"""A turn's prompt: ids that leave room for the reply, of a conversation that the chat template takes. Blocking."""

import structlog

from actors.session.history import History
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
    """A history that renders, with as few turns left out as it takes. Raises `TextRefused`."""
    *earlier, newest = history.turns()
    render(History(newest).prompt_messages(chat_prompt))  # refused by itself: then it is this text
    log.warning("history.left_out", turns=len(earlier))
    for left_out in range(len(earlier)):
        kept = (*(message for turn in (*earlier[:left_out], *earlier[left_out + 1 :]) for message in turn), *newest)
        try:
            render(History(kept).prompt_messages(chat_prompt))
        except TextRefused:
            continue
        return History(kept)
    return History(newest)


__all__ = ["fitting_prompt"]
