"""One fault of a server: what it does, and what a client must make of it."""

from attrs import frozen

from tests.tooling.clients.faulty.host import Door, Manners


@frozen(kw_only=True)
class Fault:
    """`kind`: of the failure that it must cause. `exit`: the code. `clients`: whom it concerns; None: everybody who
    sends turns. `tool`: the kind that the tool regression has for it, if it is another. `scheme`: of the address.
    """

    name: str
    server: Manners | Door
    kind: str
    exit: int = 1
    clients: tuple[str, ...] | None = None
    tool: str = ""
    scheme: str = "ws"

    def kind_for(self, client: str) -> str:
        """What that client calls it."""
        return self.tool if self.tool and client == "tool" else self.kind


__all__ = ["Fault"]
