"""Proofs over seeds: networks and faults that a seed draws, and verdicts on what the doctor or lint says of them.

networks, certified    a network of a seed
breaking               a fault of a seed, and a network some minutes after it
case                   a network that runs, with the measure of its packets, and whether users suffer: `Harm`
healing                lines that are entered in the broken network, and what they restore
judging                the verdict on the doctor in one network: with a fault, or well
linting                the same of lint, with faults that are in lines
measure                what many verdicts come to
draws                  one verdict as a task of a pool (tools/pool), and its result as a line of a file

The tests of the doctor use the same functions. A verdict follows from the name of a draw alone.
"""
