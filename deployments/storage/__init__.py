"""Artifacts, encryption of secrets, crash-safe files, and how full the disk is."""
