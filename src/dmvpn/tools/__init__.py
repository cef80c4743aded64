"""Programs about networks of routers: lint, doctor, explain, walk, render and replay."""
