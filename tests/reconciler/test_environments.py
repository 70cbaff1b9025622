"""A Python environment that cannot be built ends the deployment with the installer's own words, and leaves nothing."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from django.conf import settings

from deployments.lifecycle import ExitReason, Status, Step
from deployments.models import Attempt, Deployment, Generation
from tests.reader import read_api, read_page
from tests.reconciler.world import World

SERVES = ("python3", "-m", "launchpad_model_servers.hello_server")
PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "needs-a-compiler"
version = "1"
"""
FAILS = "def build_wheel(*_):\n    raise RuntimeError('no compiler was found on this machine')\n"
WORKS = """
import zipfile
def build_wheel(folder, *_):
    name = "needs_a_compiler-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        about = "needs_a_compiler-1.dist-info"
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\\nName: needs-a-compiler\\nVersion: 1\\n")
        wheel.writestr(f"{about}/WHEEL",
                       "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{about}/RECORD", "")
    return name
"""


def write_package(folder: Path, backend: str) -> str:
    """Write a source package that `backend` builds, and return the requirement line that asks for it."""
    path = folder / "needs-a-compiler-1.tar.gz"
    files = {
        "pyproject.toml": PYPROJECT,
        "backend.py": backend,
        "PKG-INFO": "Metadata-Version: 2.1\nName: needs-a-compiler\nVersion: 1\n",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"needs-a-compiler-1/{name}")
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    path.chmod(0o644)
    return f"needs-a-compiler @ file://{path}"


def environments() -> set[Path]:
    """Return all that lies where environments are kept, but for the locks and the folders of resource groups."""
    envs = Path(settings.LAUNCHPAD_HOME) / "envs"
    paths = {*envs.glob("*"), *envs.glob("group-*/*")} - {*envs.glob("group-*")}
    return {path for path in paths if path.suffix != ".lock"}


def deploy(world: World, requirements: str) -> Deployment:
    return world.deploy(world.configure_command("needy", *SERVES, requirements=requirements))


def ends(deployment: Deployment) -> set[str]:
    rows = Attempt.objects.filter(replica__generation__deployment=deployment)
    return set(rows.values_list("exit_reason", flat=True))


def test_a_requirement_that_does_not_exist_is_named_where_people_look(world: World) -> None:
    there = environments()
    deployment = deploy(world, "no-such-package @ file:///nowhere/no-such-package-1.tar.gz")

    world.until_status(deployment, Status.DEAD, timeout=60)

    page = read_page(deployment)
    assert "Its Python environment cannot be built" in page
    assert "no-such-package" in page
    assert "Correct what the message names (requirements, artifact or command)" in page
    assert "no-such-package" in read_page(deployment, "logs")
    assert "no-such-package" in read_api(deployment)["statusMessage"]
    assert ends(deployment) == {ExitReason.NOT_STARTED}
    assert environments() == there
    assert Step.PREPARED not in Generation.objects.get().steps


def test_a_package_whose_build_fails_says_why_and_is_built_anew_once_it_can_be(
    world: World, open_folder: Path
) -> None:
    there = environments()
    line = write_package(open_folder, FAILS)
    deployment = deploy(world, f"{line}\nlaunchpad-model-servers")

    world.until_status(deployment, Status.DEAD, timeout=60)

    assert "Its Python environment cannot be built" in read_page(deployment)
    assert "no compiler was found on this machine" in read_page(deployment, "logs")
    assert "needs-a-compiler" in read_api(deployment)["statusMessage"]
    assert ends(deployment) == {ExitReason.NOT_STARTED}
    assert environments() == there

    write_package(open_folder, WORKS)
    again = world.until_status(world.deploy(deployment.configuration), Status.RUNNING, timeout=60)
    world.until(lambda: world.ask(again)[0] == 200, "it answers")
    assert len(environments() - there) == 1
