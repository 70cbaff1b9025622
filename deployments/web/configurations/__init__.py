"""The pages of configurations, and the wizard that creates them."""
