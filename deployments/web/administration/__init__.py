"""The pages of administrators, one module per noun."""
