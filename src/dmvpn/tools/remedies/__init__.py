"""Remedies and their trial: the doctor's lines are entered in a copy of the network before a user enters them.

scope     the routers that a copy needs
trial     the copy unchanged, then with the lines: improvements, and any deterioration
wording   rows that became better, for people
asked     where a copy loses the packets that a user asked about
change    the lines as changed configurations, and as a unified diff

If no rule of the doctor explains the loss, a search by trial looks for lines:

suffering    the pairs of a copy that suffer, compared with other pairs of their kind
names        the words of a configuration that stand for a router; switches: the options of the language
changes      the changes to try: lines of one router that are removed, added, or replaced
since        the difference to the last configurations that were good
search       the changes that restore the pairs
unforeseen   when to search, and the result of a search as findings

The caller provides the copy (`Copy`): a simulator with prompts.
"""
