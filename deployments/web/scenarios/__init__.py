"""The pages about scenarios and their templates."""
