"""A router on a real machine: an asyncio loop around the router and a data plane."""
