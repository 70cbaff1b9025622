"""Loaded before everything else (`-p tests.environment`): tests never touch the state of a real installation."""

import atexit
import os
import random
import shutil
import socket
import tempfile
from pathlib import Path

from launchpad.translations import compile_translations

HOME = tempfile.mkdtemp(prefix="launchpad-test-")
OPEN = tempfile.mkdtemp(prefix="launchpad-open-")  # see the fixture `open_folder`
os.chmod(OPEN, 0o755)
atexit.register(shutil.rmtree, OPEN, ignore_errors=True)
os.mkdir(f"{HOME}/static")
compile_translations(Path(HOME))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
for name in [name for name in os.environ if name.startswith("LAUNCHPAD_") and not name.startswith("LAUNCHPAD_TEST_")]:
    del os.environ[name]


def free_port() -> int:
    """Return a port that nobody listens on now, below those that outgoing connections get."""
    for port in random.sample(range(10_000, 20_000), 1000):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError("There is no free port between 10000 and 20000.")


for name in ("LAUNCHPAD_PORT", "LAUNCHPAD_GATEWAY_PORT"):
    os.environ[name] = str(free_port())
os.environ |= {"LAUNCHPAD_HOME": HOME, "LAUNCHPAD_DEBUG": "0", "LAUNCHPAD_LOG_LEVEL": "WARNING"}
# What servers of tests are started from.
os.environ["LAUNCHPAD_SANDBOX_FOLDERS"] = f"{Path(__file__).parents[1]},{OPEN}"
os.environ.pop("BROKER_URL", None)
if url := os.environ.pop("LAUNCHPAD_TEST_DATABASE_URL", ""):
    os.environ["DATABASE_URL"] = url
else:
    os.environ.pop("DATABASE_URL", None)
