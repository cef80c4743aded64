"""Where people and programs meet a router: sessions, the management socket, SSH, the API and the web page.

Everything here is imported on first use, so that a router starts without it.
"""
