"""Logs: one line a record, as text or JSON, on stderr; our own records and the libraries' alike.

What may enter: how records are written, and which of the libraries' are shown. What is logged stands where it happens.
"""

from runtime.logs.crashes import tell_crashes
from runtime.logs.setting_up import configure

__all__ = ["configure", "tell_crashes"]
