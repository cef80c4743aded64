"""Values that every room may use: addresses, prefixes, events, effects, deadlines, entropy, reasons and errors.

The lowest room: it imports nothing of this program.
"""
