"""An engine behind an engine: what a test does not want otherwise goes on as it is."""

from typing import NoReturn

from attrs import define

from engines.base import Engine


@define(eq=False)
class PassesOn:
    """The part of `Engine` that asks or tells the one behind it."""

    engine: Engine

    async def handed_over(self) -> None:
        """See `Engine.handed_over`."""
        await self.engine.handed_over()

    def abort(self, request_id: str) -> None:
        """See `Engine.abort`."""
        self.engine.abort(request_id)

    async def watch(self) -> NoReturn:
        """See `Engine.watch`."""
        await self.engine.watch()

    def stuck(self) -> str | None:
        """See `Engine.stuck`."""
        return self.engine.stuck()

    async def unfinished(self) -> int | None:
        """See `Engine.unfinished`."""
        return await self.engine.unfinished()

    async def reset_prefix_cache(self) -> bool:
        """See `Engine.reset_prefix_cache`."""
        return await self.engine.reset_prefix_cache()
