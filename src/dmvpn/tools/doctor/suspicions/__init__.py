"""Suspicions of one router by itself: a file for each part of the path."""
