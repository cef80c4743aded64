"""Programs about whole networks of routers: why one of them is not registered."""
