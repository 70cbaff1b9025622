"""Loads the sample artifacts and configurations from the trained files and `catalog/samples.json`.

Ids are made from the names, so that loading again finds existing rows. `manage.py prepare_samples` trains and loads
once per database and version of the samples; what a user deletes is not created again by the next start. It
also builds environments once per version of the model servers.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db import transaction

from deployments import serving_template
from deployments.bootstrap.seed import CATALOG, RESOURCE_GROUP
from deployments.models import Artifact, Configuration, Executable
from deployments.runtimes import wheel
from deployments.storage.artifacts import SAMPLES, artifact_store

TRAINER = "launchpad_model_servers.train_samples"  # the module that trains them
_TRAINER_FILE = wheel.SOURCE / "launchpad_model_servers" / "train_samples.py"
TRAINER_EXECUTABLE = "sklearn-server"  # its requirements are those of the trainer
_NAMESPACE = uuid.UUID("6c0c9d54-6b0e-5a2b-9f5e-6f1d7c1f3a10")


def folder() -> Path:
    """Return the folder of the trained models, inside the folder that artifacts may be read from."""
    return artifact_store().folder(SAMPLES)


def are_loaded() -> bool:
    """Return whether this version of the samples has been loaded into this database."""
    return _recorded()[:1] == [_fingerprint()]


def are_prepared() -> bool:
    """Return whether they are loaded and this version of the model servers has its environments."""
    return _recorded() == [_fingerprint(), wheel.digest()]


def load() -> None:
    """Create missing artifacts and configurations.

    Raises:
        FileNotFoundError: the models have not been trained.
        ValueError: a configuration does not fit its template.
    """
    trained = json.loads((folder() / "samples.json").read_text())
    samples = json.loads((CATALOG / "samples.json").read_text())
    with transaction.atomic():
        artifacts = {entry["name"]: _artifact(entry) for entry in trained["artifacts"]}
        for entry in samples["configurations"]:
            _configuration(entry, artifacts)


def mark_prepared() -> None:
    """Record that samples and environments are complete for this database and version."""
    _record_path().write_text(f"{_fingerprint()}\n{wheel.digest()}\n")


def _artifact(entry: dict[str, Any]) -> Artifact:
    path = folder() / entry["file"]
    trained = {
        "url": f"file://{quote(str(path))}",
        "description": entry["description"],
        "size": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    fixed = {"resource_group_id": RESOURCE_GROUP, "scenario_id": entry["scenario"], "kind": entry["kind"]}
    pk = uuid.uuid5(_NAMESPACE, f"artifact {entry['name']}")
    artifact, created = Artifact.objects.get_or_create(pk=pk, defaults={"name": entry["name"], **fixed, **trained})
    if not created and artifact.sha256 != trained["sha256"]:  # trained again with a new version
        Artifact.objects.filter(pk=pk).update(**trained)
    return artifact


def _configuration(entry: dict[str, Any], artifacts: dict[str, Artifact]) -> None:
    pk = uuid.uuid5(_NAMESPACE, f"configuration {entry['name']}")
    if Configuration.objects.filter(pk=pk).exists():
        return
    executable = Executable.objects.get(pk=entry["executable"])
    template = executable.template
    inputs = {slot: artifacts[name] for slot, name in entry["artifacts"].items()}
    problems = serving_template.validate_bindings(
        template,
        parameters=entry["parameters"],
        artifacts={slot: (str(artifact.pk), artifact.kind) for slot, artifact in inputs.items()},
    )
    if problems:
        raise ValueError(f"{entry['name']}: {' '.join(problems.values())}")
    defaults = {
        parameter.name: parameter.default for parameter in template.parameters if parameter.default is not None
    }
    Configuration.objects.create(
        pk=pk,
        resource_group_id=RESOURCE_GROUP,
        scenario_id=executable.scenario_id,
        executable=executable,
        name=entry["name"],
        parameters=defaults | entry["parameters"],
        inputs={slot: str(artifact.pk) for slot, artifact in inputs.items()},
    )


def _recorded() -> list[str]:
    return _record_path().read_text().splitlines() if _record_path().exists() else []


def _record_path() -> Path:
    return folder() / "loaded"


def _fingerprint() -> str:
    database = settings.DATABASES["default"]
    where = [str(database.get(name, "")) for name in ("ENGINE", "HOST", "PORT", "NAME")]
    digest = hashlib.sha256("\n".join(where).encode())
    for path in (CATALOG / "samples.json", _TRAINER_FILE):
        digest.update(path.read_bytes())
    return digest.hexdigest()
