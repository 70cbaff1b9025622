"""The pages of scenarios and their deployment templates."""
