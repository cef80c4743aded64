"""Remedies and their trial: the doctor's lines are entered in a copy of the network before a user enters them.

trial     the copy unchanged, then with the lines: improvements, and any deterioration; the lines as a change for review

If no rule of the doctor explains the loss, a search by trial looks for lines:

affected_pairs   the pairs of a copy that a fault affects; a user's question; the routers that a copy needs; the
                 difference to the last configurations that were good
changes          the changes to try: lines of one router that are removed, added, or replaced
search           the changes that restore the pairs
unforeseen       when to search, and the result of a search as findings

The caller provides the copy (`Copy`): a simulator with prompts.
"""
