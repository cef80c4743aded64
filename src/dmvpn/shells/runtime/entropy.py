"""The entropy of real routers."""

from __future__ import annotations

import secrets


class SystemEntropy:
    """The operating system's random numbers."""

    def octets(self, count: int) -> bytes:
        """Return `count` unpredictable octets."""
        return secrets.token_bytes(count)
