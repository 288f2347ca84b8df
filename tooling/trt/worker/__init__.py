"""The processes that make checkpoints and engines, in TensorRT-LLM's own environment; the only ones that import it.

Each gets a job file, writes into the directory that the job names, reads back what was made, and writes what it was
into metadata beside it. Nothing is decided here: a job that does not fit this machine fails.
"""
