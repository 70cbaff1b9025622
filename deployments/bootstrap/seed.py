"""The initial rows of every installation: resource plans, a connection, a resource group, the built-in catalog.

Each function may be called at every start: it adds what is missing and keeps what an administrator has changed.
"""

from __future__ import annotations

from pathlib import Path

from deployments import serving_template
from deployments.models import Actor, Connection, Executable, ResourceGroup, ResourcePlan, Role

CATALOG = Path(__file__).parent / "catalog"
CONNECTION = "local"
RESOURCE_GROUP = "default"
ACTOR = Actor(name="Launchpad", role=Role.ADMINISTRATOR)

_GB = 1_000_000_000
# Names and sizes from `starter` on are those of SAP AI Core's documentation, so that templates which name them mean
# the same here; `nano` and `tiny` are ours, for light servers and for the samples.
_PLANS = (
    ("nano", "Light servers", 100, 128_000_000, 0),
    ("tiny", "Small models, samples", 250, 512_000_000, 0),
    ("starter", "1 CPU, 3 GB", 1_000, 3 * _GB, 0),
    ("basic", "3 CPUs, 11 GB", 3_000, 11 * _GB, 0),
    ("basic.8x", "31 CPUs, 116 GB", 31_000, 116 * _GB, 0),
    ("infer.s", "1 GPU, 3 CPUs, 10 GB", 3_000, 10 * _GB, 1),
    ("infer.m", "1 GPU, 7 CPUs, 26 GB", 7_000, 26 * _GB, 1),
    ("infer.l", "1 GPU, 15 CPUs, 58 GB", 15_000, 58 * _GB, 1),
    ("train.l", "1 GPU, 7 CPUs, 55 GB", 7_000, 55 * _GB, 1),
)


def ensure_workspace() -> None:
    """Create missing resource plans and a missing connection, and a resource group when there is none."""
    existing = set(ResourcePlan.objects.values_list("pk", flat=True))
    for name, description, cpu_millis, memory_bytes, gpus in _PLANS:
        if name not in existing:
            ResourcePlan.objects.create(
                id=name, description=description, cpu_millis=cpu_millis, memory_bytes=memory_bytes, gpus=gpus
            )
    connection = Connection.objects.order_by("pk").first() or Connection.objects.create(name=CONNECTION)
    if not ResourceGroup.objects.exists():
        ResourceGroup.objects.create(pk=RESOURCE_GROUP, connection=connection)


def ensure_catalog() -> None:
    """Import the built-in templates that are new or have changed with a new version of Launchpad."""
    present = dict(Executable.objects.filter(built_in=True).values_list("pk", "text"))
    for path in sorted(CATALOG.glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        templates = serving_template.parse(text, filename=path.name)
        if any(present.get(template.executable_id) != template.text for template in templates):
            # Imports Celery and the broker's client: 0.3 s that most starts can save.
            from deployments.operations import import_templates

            import_templates(ACTOR, text, filename=path.name, built_in=True)
