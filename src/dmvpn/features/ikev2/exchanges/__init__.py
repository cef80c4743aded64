"""Requests of ours, one class for each kind of exchange: what is asked, and what its answer means.

    init            IKE_SA_INIT
    auth            IKE_AUTH
    child           CREATE_CHILD_SA for another child SA
    rekey           CREATE_CHILD_SA that replaces a child SA or the IKE SA itself
    informational   probes, deletions

What the peer asks is answered in `answers.py`.
"""

from __future__ import annotations
