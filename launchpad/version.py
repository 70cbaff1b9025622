"""Launchpad's version, said here alone: pyproject.toml, the terminal, `/healthz` and the pages read it from here.

Standard library only: Launchpad runs from a checkout, so there is no installed package whose metadata could be asked,
and `up.py` imports nothing that is heavy.
"""

VERSION = "0.1.0"  # the version at the top of CHANGELOG.md, released or in the making

# What `make image` builds. "localhost": an engine without such an image must not take a stranger's from a registry.
IMAGE = f"localhost/launchpad:{VERSION}"
MODEL_SERVERS_IMAGE = f"localhost/launchpad-model-servers:{VERSION}"
