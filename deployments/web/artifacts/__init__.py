"""The pages about artifacts."""
