"""Campaigns of many runs: their results in a file, what they come to, and a picture of it.

results.py     its results as lines of a file, with which a campaign that was cut off goes on
summary.py     numbers of all results: by network, and the outages by kind of fault
histogram.py   these outages as an SVG document
"""

from __future__ import annotations

from dmvpn.tools.campaign.summary import FORM, Summary, as_svg

__all__ = ["FORM", "Summary", "as_svg"]
