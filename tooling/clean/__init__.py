"""Frees what was made below `YAP_HOME`: lists it with its size, asks, and deletes it unless somebody uses it.

Only entries of our own caches go. Everything else that lies there, links, and whatever is elsewhere stays, and is told.
"""

__all__: list[str] = []
