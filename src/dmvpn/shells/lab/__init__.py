"""A network on one machine: a runtime for each router, each in a network namespace of its own, without root."""
