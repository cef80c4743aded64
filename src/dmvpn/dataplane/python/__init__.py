"""The packet engine in Python: readable, portable, and the oracle of the Rust one."""

from dmvpn.dataplane.python.engine import PythonEngine

__all__ = ["PythonEngine"]
