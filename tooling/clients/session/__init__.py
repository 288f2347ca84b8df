"""A session as a test client sees it: every wait bounded, every frame checked, every turn timed.

What may enter: what holds of one connection and its turns whichever client runs. The wire itself is the library's
(`tooling.yap_client`); what a single client makes of its turns is that client's own.
"""
