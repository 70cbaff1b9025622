"""Two runs of a program that fail in the same way give the same error; two ways to fail give two."""

from __future__ import annotations

import pytest

from deployments.reconciler.error_comparison import without_changing_parts


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("OSError: [Errno 98] cannot bind 127.0.0.1:20377", "OSError: [Errno 98] cannot bind 127.0.0.1:31002"),
        ("<Model object at 0x7f3a5c> has no head", "<Model object at 0x55d0e8> has no head"),
        ("2026-05-04 12:00:01,123 [4711] no such model", "2026-05-04 12:00:09,987 [4722] no such model"),
        ("cannot open /tmp/tmpab12cd/model.bin", "cannot open /tmp/tmpz9y8x7/model.bin"),
        (
            "run 1c0fb4c2-7b3f-4a8e-9d55-0a1b2c3d4e5f was refused",
            "run 9e8d7c6b-5a49-4382-b716-050403020100 was refused",
        ),
    ],
)
def test_addresses_times_processes_and_ports_do_not_make_another_error(first: str, second: str) -> None:
    assert first != second
    assert without_changing_parts(first) == without_changing_parts(second)


def test_another_error_is_another_error() -> None:
    assert without_changing_parts("ValueError: no such model") != without_changing_parts(
        "ValueError: no such tokenizer"
    )
    assert without_changing_parts("KeyError: 'a'") != without_changing_parts("KeyError: 'b'")
