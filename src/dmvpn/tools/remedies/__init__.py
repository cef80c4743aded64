"""Remedies that were tried: the doctor's lines, entered in a copy of the network before anybody enters them anywhere.

scope     which routers a copy needs
trial     the copy unchanged, then with the lines: what becomes better, and whether anything becomes worse
wording   rows that became better, for people
change    the lines as changed configurations, and as a unified diff

What a copy is made of, and how it is asked, is the caller's (`Copy`): a simulator with prompts.
"""

from dmvpn.tools.remedies.change import PATCH, changed, patch
from dmvpn.tools.remedies.scope import MOST, reduced
from dmvpn.tools.remedies.trial import Copy, attempt, settle

__all__ = ["MOST", "PATCH", "Copy", "attempt", "changed", "patch", "reduced", "settle"]
