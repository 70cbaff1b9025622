"""The figures that Launchpad promises, measured: `python -m tests.bench [NAME...]`, all without names."""
