"""`dmvpn lint`: what is wrong, or could be better, in one configuration or in those of a whole network.

    lint(configurations)    a pure function: texts by name (or path) -> findings, the worst first
    RULES, GROUPS           everything that is looked for, in a row and by what it is about

The way of a text through it: `device` reads it (with the reader of `dmvpn config check`) and makes the features' models
of it; `network` works out who is hub and who is spoke and which tunnels are one cloud; the modules in `rules`, and
`lint.py` of the features, look; `silence` takes out what a comment allows; `text` and `machine_readable` write it.
"""

from __future__ import annotations

from dmvpn.network.sites import Site
from dmvpn.tools.lint.engine import GROUPS, RULES, lint
from dmvpn.tools.lint.sites import sites_of

__all__ = ["GROUPS", "RULES", "Site", "lint", "sites_of"]
