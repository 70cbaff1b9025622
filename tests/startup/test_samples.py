"""The built-in catalog and the samples in the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_django import Settings

from deployments.bootstrap import samples, seed
from deployments.models import Artifact, Configuration, Connection, Executable, ResourceGroup, ResourcePlan
from deployments.scheduling.server_specs import server_spec_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def installed() -> None:
    seed.ensure_workspace()
    seed.ensure_catalog()


@pytest.fixture
def trained(settings: Settings, tmp_path: Path) -> Path:
    """A folder like the one that train_samples.py writes, with small files in place of models."""
    settings.LAUNCHPAD_HOME = tmp_path
    wanted = json.loads((seed.CATALOG / "samples.json").read_text())["configurations"]
    names = {name for entry in wanted for name in entry["artifacts"].values()}
    entries = [
        {"name": name, "kind": "model", "file": f"{name}/model", "scenario": "tabular-prediction", "description": name}
        for name in sorted(names)
    ]
    for entry in entries:
        path = samples.folder() / entry["file"]
        path.parent.mkdir(parents=True)
        path.write_text(entry["name"])
    (samples.folder() / "samples.json").write_text(json.dumps({"artifacts": entries}))
    return samples.folder()


@pytest.mark.usefixtures("installed")
def test_installing_twice_changes_nothing() -> None:
    before = {
        model: list(model.objects.order_by("pk").values()) for model in (Executable, ResourcePlan, ResourceGroup)
    }
    seed.ensure_workspace()
    seed.ensure_catalog()
    assert {model: list(model.objects.order_by("pk").values()) for model in before} == before
    assert Connection.objects.count() == 1


@pytest.mark.usefixtures("installed")
def test_what_an_administrator_has_changed_stays() -> None:
    ResourcePlan.objects.filter(pk="tiny").update(cpu_millis=777)
    ResourceGroup.objects.filter(pk="default").update(deployment_quota=3)
    seed.ensure_workspace()
    assert ResourcePlan.objects.get(pk="tiny").cpu_millis == 777
    assert ResourceGroup.objects.get(pk="default").deployment_quota == 3


@pytest.mark.usefixtures("installed")
def test_a_template_that_differs_from_the_catalog_is_brought_up_to_date() -> None:
    Executable.objects.filter(pk="sklearn-server").update(text="old")
    seed.ensure_catalog()
    assert Executable.objects.get(pk="sklearn-server").template.executable_id == "sklearn-server"


@pytest.mark.usefixtures("installed", "trained")
def test_every_sample_gives_a_recipe_with_a_plan_that_exists() -> None:
    samples.load()
    plans = set(ResourcePlan.objects.values_list("pk", flat=True))
    for configuration in Configuration.objects.all():
        assert server_spec_of(configuration).resource_plan in plans, configuration.name


@pytest.mark.usefixtures("installed", "trained")
def test_every_built_in_template_has_two_samples_so_that_an_update_can_be_tried() -> None:
    samples.load()
    for executable in Executable.objects.filter(built_in=True):
        assert executable.configurations.count() >= 2, executable.name


@pytest.mark.usefixtures("installed", "trained")
def test_loading_twice_changes_nothing() -> None:
    samples.load()
    before = [list(model.objects.order_by("pk").values()) for model in (Artifact, Configuration)]
    samples.load()
    assert [list(model.objects.order_by("pk").values()) for model in (Artifact, Configuration)] == before


@pytest.mark.usefixtures("installed")
def test_models_that_were_trained_again_get_their_new_checksum(trained: Path) -> None:
    samples.load()
    artifact = Artifact.objects.get(name="diabetes-ridge")
    (trained / "diabetes-ridge" / "model").write_text("another model")
    samples.load()
    again = Artifact.objects.get(name="diabetes-ridge")
    assert again.pk == artifact.pk
    assert again.sha256 != artifact.sha256


@pytest.mark.usefixtures("installed", "trained")
def test_samples_count_as_loaded_for_one_database_only(settings: Settings) -> None:
    assert not samples.are_loaded()
    samples.load()
    samples.mark_prepared()
    assert samples.are_loaded()
    settings.DATABASES = {"default": {**settings.DATABASES["default"], "HOST": "another"}}
    assert not samples.are_loaded()


@pytest.mark.usefixtures("installed")
def test_changed_model_servers_need_their_environments_but_load_no_samples_again(trained: Path) -> None:
    samples.load()
    assert not samples.are_prepared()
    samples.mark_prepared()
    assert samples.are_prepared()

    note = trained / "loaded"
    loaded, servers = note.read_text().splitlines()
    note.write_text(f"{loaded}\n{servers[::-1]}\n")  # of other servers
    assert samples.are_loaded()
    assert not samples.are_prepared()
