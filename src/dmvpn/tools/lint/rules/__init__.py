"""The rules about several features or several routers; each module has its `RULES` and a `check` of the network."""
