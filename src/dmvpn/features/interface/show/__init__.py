"""The commands of interfaces.

blocks      show interfaces         tables      show ip interface [brief], show interfaces description
"""

from __future__ import annotations

from typing import Final

from dmvpn.features.interface.show import blocks, tables

COMMANDS: Final = (blocks.INTERFACES, tables.DESCRIPTION, tables.BRIEF, tables.IP_INTERFACE)
