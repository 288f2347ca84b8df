"""Stand-in: results and errors of requests."""

import asyncio  # noqa: TID251 - it stands for a library that is asyncio throughout
import weakref
from typing import Any


class RequestError(RuntimeError):
    """Stand-in: one request failed."""


class CompletionOutput:
    """Stand-in: one completion, changed in place by each step."""

    def __init__(self) -> None:
        self.index = 0
        self.text = ""
        self.token_ids: list[int] = []
        self.finish_reason: str | None = None
        self.stop_reason: int | str | None = None
        self._last_token_ids_len = 0

    @property
    def token_ids_diff(self) -> list[int]:
        """Tokens of the last step."""
        return self.token_ids[self._last_token_ids_len :]

    @property
    def text_diff(self) -> str:
        """Stand-in: the text is not made here, detokenize is off."""
        return ""

    @property
    def length(self) -> int:
        """Tokens so far."""
        return len(self.token_ids)


class GenerationResult:
    """Stand-in: one request. It yields itself, and its loss stops nothing."""

    def __init__(self, executor: Any, request_id: int, values: dict[str, Any], cached_tokens: int) -> None:
        # As the library does: who submits inside a running loop gets a queue of that loop, for ever.
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.request_id = request_id
        self.outputs = [CompletionOutput()]
        self.finished = False
        self.cached_tokens = cached_tokens
        self._executor = weakref.ref(executor)
        self._values = values
        self._cancelled = False

    def abort(self) -> None:
        """Send a cancellation; AttributeError after the library's shutdown."""
        self._executor().abort_request(self.request_id)  # type: ignore[union-attr]
        self._cancelled = True

    def aborted(self) -> bool:
        """Whether `abort` was called."""
        return self._cancelled

    def __aiter__(self) -> "GenerationResult":
        return self

    async def __anext__(self) -> "GenerationResult":
        if self.finished:
            raise StopAsyncIteration
        response = await self.queue.get()
        if "error" in response:
            raise RequestError(response["error"])
        self._take(response)
        return self

    def _take(self, response: dict[str, Any]) -> None:
        output = self.outputs[0]
        output._last_token_ids_len = len(output.token_ids)
        output.token_ids = [*output.token_ids, *response["tokens"]]
        reason = response.get("reason")
        if reason is None:
            return
        self.finished = True
        output.finish_reason = "stop" if reason in ("stop", "end") else reason
        if reason == "stop":
            output.stop_reason = output.token_ids[-1]
            if not self._values.get("include_stop_str_in_output"):
                # Stop tokens are taken out of the list; the model's end token is not.
                output.token_ids = output.token_ids[:-1]


__all__ = ["CompletionOutput", "GenerationResult", "RequestError"]
