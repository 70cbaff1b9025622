"""Where deployments fit: capacity arithmetic, placement, and from a configuration to what a runtime is told to run."""
