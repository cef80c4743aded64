"""Proofs over seeds: networks and faults that a seed draws, and verdicts on what the doctor or lint says of them.

networks    a network of a seed; a network that runs, with the measure of its packets, and whether users suffer: `Harm`
verdicts    a fault of a seed, lines that are entered to fix it, and the verdict on the doctor: with a fault, or well
linting     the same of lint, with faults that are in lines
draws       one verdict as a task of a pool (tools/pool), its result as a line of a file, and what many come to

The tests of the doctor use the same functions. A verdict follows from the name of a draw alone.
"""
