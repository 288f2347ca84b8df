"""What is known against the packages that we install: advisories, and a bill of materials with their licences.

All of it goes by the locks, so nothing has to be installed to be looked at. What may enter: reading the locks as lists
of packages, asking about them, telling of them. What makes the locks is in `tooling.setup`.
"""
