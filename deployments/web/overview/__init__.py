"""The overview, the first page."""
