"""The typed configuration of this feature."""

from __future__ import annotations

from dmvpn.base.values import Value


class ArchiveConfig(Value, kw_only=True):
    """`archive`.

    prefix: how the copies in flash are called, before time and number; "": there are none.
    maximum: copies that are kept.
    writes: `write memory` makes one, too.
    logs: changes of the configuration are noted, line by line.
    log_size: lines that are remembered.
    """

    prefix: str = ""
    maximum: int = 10
    writes: bool = False
    logs: bool = False
    log_size: int = 100
