"""`dmvpn lint`: mistakes and possible improvements in one configuration or in those of a whole network.

    lint(configurations)    a pure function: texts by name (or path) -> findings, the worst first
    RULES, GROUPS           all rules, in a row and by topic

The way of a text through it: `device` reads it (with the reader of `dmvpn config check`) and makes the features' models
of it; `network` finds hubs, spokes, and the tunnels of each cloud; the modules in `rules`, and `lint.py` of the
features, yield findings; comments allow some of them; `report` writes the rest.
"""

from dmvpn.network.sites import Site
from dmvpn.tools.lint.engine import GROUPS, RULES, lint, sites_of

__all__ = ["GROUPS", "RULES", "Site", "lint", "sites_of"]
