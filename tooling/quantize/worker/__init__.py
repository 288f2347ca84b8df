"""The program that quantises: it loads the model, makes the export, reads it back, and says what it made.

It runs in `.venvs/quant` and is the only place that knows llmcompressor. What is made is decided before, in the job;
what is written about it is read from what was made.
"""

__all__: list[str] = []
