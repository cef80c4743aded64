"""What one router can suspect of its own accord: a file for each part of the way, and `seen` for what it sees."""
