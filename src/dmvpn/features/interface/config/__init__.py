"""The configuration lines of interfaces, and the typed model that is made of them.

sections     `interface` sections          ipv6     what they, and `ipv6 unicast-routing`, say of IPv6
subnets      which interfaces are on which subnets
"""

from __future__ import annotations

from dmvpn.features.interface.config.sections import LINES, MODES, model

__all__ = ["LINES", "MODES", "model"]
