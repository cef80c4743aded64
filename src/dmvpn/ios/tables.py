"""Small words of show commands: ages, uptimes, and (from `interfaces.py`) the short names of interfaces."""

from __future__ import annotations

from dmvpn.base.spans import age, uptime
from dmvpn.ios.interfaces import interface_sort_key, normalize_interface, short_interface, split_interface

__all__ = ["age", "interface_sort_key", "normalize_interface", "short_interface", "split_interface", "uptime"]
