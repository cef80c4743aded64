"""Fuzzing of what strangers and peers send: `make fuzz`, or one target with `python -m fuzz TARGET --seconds 60`."""
