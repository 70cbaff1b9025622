"""What every installation has at its start: plans, the built-in catalog, samples."""
