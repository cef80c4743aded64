"""The outer command line, `dmvpn`: labs, runs, simulations and tools; after `-r NAME`, IOS commands verbatim."""
