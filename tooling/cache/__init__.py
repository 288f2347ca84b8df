"""What is made once and kept below `YAP_HOME`: an entry is complete or invisible, and each key has one maker at a time.

Entries, their keys, how they are made and swept, and which directory may be a home. What is made is not known here.
"""

from tooling.cache.entry import COMPLETE, Entry, canonical, digest, is_complete
from tooling.cache.home import require_home
from tooling.cache.making import Report, ensure, partials, reading, sweep

__all__ = [
    "COMPLETE",
    "Entry",
    "Report",
    "canonical",
    "digest",
    "ensure",
    "is_complete",
    "partials",
    "reading",
    "require_home",
    "sweep",
]
