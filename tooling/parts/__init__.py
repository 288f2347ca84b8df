"""Parts: real programs that tests run beside ours and pip has not. They are unpacked without root under `.venvs/parts`.

What may enter: a program with the test that needs it, as a line of `table`; and how a distribution's packages are
fetched. Made with the standard library alone, and no server imports it.
"""
