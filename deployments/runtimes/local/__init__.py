"""Model servers as processes of this machine, each with a shim beside it; see `driver.py` and `shim.py`."""

from deployments.runtimes.local.driver import LocalRuntime

__all__ = ["LocalRuntime"]
