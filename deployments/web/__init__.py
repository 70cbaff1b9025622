"""The pages: one folder per noun, with its views, forms and URLs."""
