"""What runs on this machine because of us: processes known beyond their number, and what each launch wrote down.

One directory a port below `YAP_HOME/run`, written by its keeper alone and read by everybody else. Starting, stopping
and showing are not done here.
"""

from tooling.running.claim import Claim
from tooling.running.identity import Identity
from tooling.running.registry import every_state, in_use, read_state, write_state
from tooling.running.state import Exit, Phase, State, StateUnreadable

__all__ = [
    "Claim",
    "Exit",
    "Identity",
    "Phase",
    "State",
    "StateUnreadable",
    "every_state",
    "in_use",
    "read_state",
    "write_state",
]
