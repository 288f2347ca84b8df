"""Benchmarks that print ratios against a rival measured in the same run; their result tables are in docs/benchmarks."""
