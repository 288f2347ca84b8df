"""Pictures of what clients measured.

What may enter: what two clients draw alike. `picture` says what is to be seen, in plain data and without a plotting
library; `python -m tooling.clients.drawing FILE.png` draws that, and is the only one who needs one.
"""
