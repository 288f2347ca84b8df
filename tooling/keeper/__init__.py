"""Keeps one server from its preparation to its end: its process group, its signals, its log, its recorded state.

How a launch goes, for those that start one:

    keeper = Keeper(orders)                 # claims port and log; raises `Refusal` before anything is disturbed
    keeper.follow_runner()                  # foreground only
    code = keeper.keep(command, prepare)    # until the server has ended
    code = keeper.detach(command, prepare)  # until it is ready, or is known never to be; 130 after Ctrl+C

`prepare(say) -> Prepared` runs in the keeper: what it says goes to the log and the terminal, a `Refusal` from it is
told, recorded, and gives the exit code. What is decided before a launch (`tooling.run`) is not known here.
"""

from tooling.keeper.keeping import Keeper
from tooling.keeper.orders import Orders, Prepare, Prepared, Say

__all__ = ["Keeper", "Orders", "Prepare", "Prepared", "Say"]
