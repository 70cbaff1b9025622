"""The pages of artifacts."""
