"""The description of the fake runtime, and of the one that schedules by itself, for the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from deployments.messages import TEXT, Message
from deployments.runtimes.base import ConnectionReport, Offer, OptionField, OptionType
from deployments.runtimes.fake.driver import VARIANTS, FakeRuntime
from deployments.runtimes.fake.engine import CAPACITY, engine
from deployments.runtimes.kind import Capabilities, Driver

offers: list[Offer] = []  # what a look at this machine finds
_OPTIONS = ("engine", "variant", "host", "port")


def _check_options(options: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> str:
    if unknown := options.keys() - set(_OPTIONS):
        return f"There is no option {', '.join(sorted(unknown))} here."
    return "" if options.get("variant", "") in VARIANTS else f"The variant is one of {', '.join(VARIANTS[1:])}."


def _test(options: Mapping[str, Any], secrets: Mapping[str, str]) -> ConnectionReport | Message:
    if problem := _check_options(options, ()):
        return TEXT(text=problem)
    engine(options.get("engine", "")).before_test()
    if options.get("variant") == "unreachable":
        return TEXT(text="The fake runtime does not answer.")
    if secrets.get("token") == "wrong":
        return TEXT(text="The fake runtime refuses the token.")
    return ConnectionReport(
        version="Fake 1.0",
        cpu_millis=CAPACITY.cpu_millis,
        memory_bytes=CAPACITY.memory_bytes,
        gpus=CAPACITY.gpus,
        disk_free_bytes=1_000_000_000_000,
        facts=[("Engine", options.get("engine", "") or "the only one")],
    )


_OPTION_FIELDS = (
    OptionField(name="engine", label="Engine", help="Connections with the same one share it."),
    OptionField(
        name="variant",
        label="Variant",
        type=OptionType.CHOICE,
        choices=tuple((variant, variant or "as others") for variant in VARIANTS),
    ),
    OptionField(name="host", label="Host", help="The server that all endpoints lead to."),
    OptionField(name="port", label="Port", type=OptionType.NUMBER, is_whole=True, minimum=1),
    OptionField(name="token", label="Token", type=OptionType.SECRET),
)

DRIVER = Driver(
    kind="fake",
    label="Fake",
    capabilities=Capabilities(images=True),
    open=FakeRuntime,
    check_options=_check_options,
    option_fields=_OPTION_FIELDS,
    test=_test,
    address=lambda options: f"fake://{options.get('engine', '')}",
    offers=lambda: list(offers),
    check=lambda name, server: None,
    is_for_tests=True,
)
CLUSTER = replace(
    DRIVER,
    kind="fake-cluster",
    capabilities=Capabilities(images=True, schedules_itself=True),
    offers=lambda: (),
)
