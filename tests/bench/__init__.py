"""How fast, how large: benchmarks, each figure with its method. `make bench` runs them all; see `__main__`."""
