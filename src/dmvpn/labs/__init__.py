"""Labs that run, as a command and a page use them: functions and generators that return values and print nothing.

orders               down, status, reset, kill, start, impair, rebind, clock; they import little, and are quick
catalog              the scenarios and exercises that can be brought up, what they teach, and the labs that are up
bringing_up          bring a lab up, and wait until it is ready: steps: notes, then the things still missing
unsupported_lines    a scenario's lines that this release does not carry out
prompts              the prompts of a lab, asked by programs; a lab as a place for lessons
lessons              break, hint, grade, save; from one DMVPN phase to another
classes              the labs of a class, and what each of them uses
copied               a copy of a network in virtual time, with prompts; the doctor's lines tried in it
compared             two networks side by side, for a page
proofs               the proofs of doctor and lint over seeds
captures             the capture of packets
replayed             the network and the routers of a recording, with the sockets of a lab
films                pictures by name, and what happened as the page plays it; judged_films: of a judged run
watching             the steps of a ladder, from the news of all routers

`app` prints what these functions return. A refusal is a `UserError`, whose text is for the user.
"""
