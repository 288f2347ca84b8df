"""The tool router's actor: one mailbox, the only owner of the questions and of the batches they share."""

from actors.router.actor import RouterActor, RouterStats, routing
from actors.router.asker import Asker
from actors.router.messages import Decision, RoutingError

__all__ = ["Asker", "Decision", "RouterActor", "RouterStats", "RoutingError", "routing"]
