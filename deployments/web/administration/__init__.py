"""The pages of the administration, one module per noun."""
