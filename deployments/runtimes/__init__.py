"""Where model servers run: the contract of a runtime (`base`), its registry, and a folder for each kind."""
