"""Policy: access lists, prefix lists, route maps, key chains. So far their configuration alone; nobody asks them yet.

Key chains are configured here and read by each protocol that authenticates (`ios.common.KEY_CHAIN`).

    model     the typed configuration
    config    its lines
"""

from __future__ import annotations

from dmvpn.features.policy import config
from dmvpn.ios import Feature

FEATURE = Feature(name="policy", modes=config.MODES, config=config.LINES, model=config.model, kept_only=True)
