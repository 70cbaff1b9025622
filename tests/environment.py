"""Loaded before everything else (`-p tests.environment`): tests never touch the state of a real installation."""

import atexit
import os
import shutil
import tempfile

HOME = tempfile.mkdtemp(prefix="launchpad-test-")
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
for name in [name for name in os.environ if name.startswith("LAUNCHPAD_") and not name.startswith("LAUNCHPAD_TEST_")]:
    del os.environ[name]
os.environ |= {"LAUNCHPAD_HOME": HOME, "LAUNCHPAD_DEBUG": "0", "LAUNCHPAD_LOG_LEVEL": "WARNING"}
os.environ.pop("BROKER_URL", None)
if url := os.environ.pop("LAUNCHPAD_TEST_DATABASE_URL", ""):
    os.environ["DATABASE_URL"] = url
else:
    os.environ.pop("DATABASE_URL", None)
