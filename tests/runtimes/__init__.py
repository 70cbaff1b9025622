import pytest

pytest.register_assert_rewrite("tests.runtimes.contract", "tests.runtimes.shell_contract")
