"""Labs that run, as a command and a page use them: functions and generators that return values and print nothing.

orders                 down, status, reset, kill, start, impair, rebind, clock; they import little, and are quick
catalog, topics        the scenarios and exercises that can be brought up, and the labs that are up
bringing_up, waiting   bring a lab up, and wait until it is ready: steps: notes, then the things still missing
intake                 a scenario's lines that this release does not carry out
addresses              the addresses of a configuration
prompts, bench         the prompts of a lab, asked by programs; a lab as a place for lessons
lessons, conversion    break, hint, grade, save; from one DMVPN phase to another
copied, trying         a copy of a network in virtual time, with prompts; the doctor's lines tried in it
breakable              the wires, routers and translators of such a copy, broken and restored
proofs                 the proofs of doctor and lint over seeds
captures               the capture of packets
replayed               the routers of a recording, with the sockets of a lab
watching               the steps of a ladder, from the news of all routers

`app` prints what these functions return. A refusal is a `UserError`, whose text is for the user.
"""
