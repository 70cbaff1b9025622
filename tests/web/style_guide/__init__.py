"""Every component on a few pages without database or login: what the tests of the look open in a browser."""
