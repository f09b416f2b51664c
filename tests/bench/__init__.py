"""Benchmarks: each figure is a ratio against a reference that runs in turn with ours. `script/bench` runs them."""
