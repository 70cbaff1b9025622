"""The log of an engine: frames of two streams, whose times are exact (Docker) or whole seconds (Podman 4)."""

from __future__ import annotations

from collections.abc import Iterator

from deployments.runtimes.containers.frames import SECOND, Span, at_time, frames, lines, time_of

STDOUT, STDERR = 1, 2
AT = time_of("2026-01-02T03:04:05Z")


def frame(stream: int, text: str) -> bytes:
    content = text.encode()
    return bytes([stream, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


def pieces(content: bytes, size: int) -> Iterator[bytes]:
    return (content[at : at + size] for at in range(0, len(content), size))


def test_frames_are_read_wherever_their_pieces_are_cut() -> None:
    content = frame(STDOUT, "eins\n") + frame(STDERR, "zwei ü\n") + frame(STDOUT, "")

    for size in (1, 3, 8, 1000):
        assert list(frames(pieces(content, size))) == [("stdout", "eins\n"), ("stderr", "zwei ü\n"), ("stdout", "")]


def test_exact_times_stay_and_equal_ones_are_numbered() -> None:
    stamp = "2026-01-02T03:04:05.123456789Z"

    found = list(lines([("stdout", f"{stamp} one\n"), ("stderr", f"{stamp} two\n")], Span()))

    assert [(line.at - AT, line.text) for line in found] == [(123_456_789, "one"), (123_456_789, "two")]
    assert found[0][:2] < found[1][:2]


def test_lines_of_a_whole_second_get_times_in_their_order_after_the_start_of_the_container() -> None:
    said = [("stdout", f"2026-01-02T03:04:0{second}Z {second}\n") for second in (5, 5, 6)]

    found = list(lines(said, Span(began=AT + 700_000_000)))

    assert [line.at - AT for line in found] == [700_000_000, 700_001_000, SECOND]
    assert len({at_time(line.at) for line in found}) == 3


def test_a_long_line_that_comes_in_parts_is_one_and_one_without_an_end_is_the_last() -> None:
    stamp = "2026-01-02T03:04:05.5+00:00"

    found = list(
        lines([("stdout", f"{stamp} long "), ("stderr", f"{stamp} begun"), ("stdout", f"{stamp} line\n")], Span())
    )

    assert [(line.text, line.is_whole) for line in found] == [("long line", True), ("begun", False)]


def test_times_never_go_back() -> None:
    found = list(lines([("stdout", "2026-01-02T03:04:07.1Z a\n"), ("stdout", "2026-01-02T03:04:06.9Z b\n")], Span()))

    assert found[0][:2] < found[1][:2]
