"""The initial data of every installation: resource plans, the built-in catalog, samples."""
