"""Images: pulled with the credentials of the group, and what an engine says when it cannot, told apart."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import render
from deployments.runtimes.base import ReplicaExit
from deployments.runtimes.containers import images
from deployments.runtimes.containers.images import ImageUnusable
from deployments.runtimes.containers.stored_images import canonical
from tests.engine import PASSWORD, USER, Engine, NoEngine, client_of, import_image, push, running_registry
from tests.environment import free_port
from tests.runtimes.conftest import NewEngineMachine
from tests.runtimes.engine_machine import EngineMachine

PRIVATE = "team/private:1"


@pytest.fixture(scope="module")
def registry(engine: Engine) -> Iterator[str]:
    """A registry with a password and one image of which the engine has no layer."""
    try:
        with running_registry() as address:
            with client_of(engine.address) as client:
                import_image(client, "launchpad-test/pulled:1", label="of=registry")
                push(engine, address, PRIVATE, "launchpad-test/pulled:1")
                client.api.remove_image("launchpad-test/pulled:1")
            yield address
    except NoEngine as none:
        pytest.skip(str(none))


def config(registry: str, user: str = USER, password: str = PASSWORD) -> str:
    coded = base64.b64encode(f"{user}:{password}".encode()).decode()
    return json.dumps({"auths": {f"https://{registry}/v2/": {"auth": coded}}})


def test_a_private_image_is_pulled_with_the_secret_of_its_registry(containers: EngineMachine, registry: str) -> None:
    image = f"{registry}/{PRIVATE}"
    containers.start(image=image, pull_secrets=(config("other.example", "no", "no"), config(registry)))
    containers.until(ReplicaPhase.HEALTHY)

    assert any(line.startswith(f"The image {image} was pulled within") for line in containers.lines("launchpad"))
    assert PASSWORD not in "".join(path.read_text() for path in containers.home.rglob("*.json"))

    assert containers.runtime.unused_images() == []
    containers.runtime.stop(containers.name, 1)
    containers.ended()
    containers.runtime.delete(containers.name)
    unused = containers.runtime.unused_images()
    assert [one.name for one in unused] == [image]
    assert unused[0].size_bytes > 100_000
    assert containers.runtime.remove_unused_images() == unused
    assert containers.runtime.unused_images() == []


def refused(containers: EngineMachine, image: str, *secrets: str) -> ReplicaExit:
    containers.start(image=image, pull_secrets=secrets)
    ended = containers.ended()
    assert ended.reason is ExitReason.NOT_STARTED
    assert render(ended.message) in containers.lines("launchpad")
    return ended


def test_without_a_secret_the_sentence_says_which_one_to_make(containers: EngineMachine, registry: str) -> None:
    ended = refused(containers, f"{registry}/{PRIVATE}")

    assert (ended.message.reason, ended.permanent) == ("ImageNoAccess", True)
    assert f"The registry {registry} does not give us the image" in render(ended.message)
    assert "imagePullSecrets" in render(ended.message)


def test_a_wrong_password_is_told_from_none(containers: EngineMachine, registry: str) -> None:
    ended = refused(containers, f"{registry}/{PRIVATE}", config(registry, USER, "wrong-password"))

    assert (ended.message.reason, ended.permanent) == ("ImageAccessRefused", True)
    assert "wrong-password" not in render(ended.message)


def test_a_tag_that_is_not_there_is_not_tried_again(containers: EngineMachine, registry: str) -> None:
    ended = refused(containers, f"{registry}/team/private:9", config(registry))

    assert (ended.message.reason, ended.permanent) == ("ImageNotFound", True)


def test_a_registry_that_is_away_is_tried_again(containers: EngineMachine) -> None:
    ended = refused(containers, f"127.0.0.1:{free_port()}/team/private:1")

    assert (ended.message.reason, ended.permanent) == ("RegistryUnreachable", False)


def test_a_name_that_is_none_is_not_tried_again(containers: EngineMachine) -> None:
    assert refused(containers, "UPPER/case:1").message.reason == "ImageInvalid"


def test_a_secret_that_cannot_be_read_is_said_so(containers: EngineMachine, registry: str) -> None:
    ended = refused(containers, f"{registry}/{PRIVATE}", "no json")

    assert (ended.message.reason, ended.permanent) == ("PullSecretUnreadable", True)


def test_a_connection_that_never_pulls_says_so(new_engine_machine: NewEngineMachine, registry: str) -> None:
    containers = new_engine_machine(pull_policy="never")

    ended = refused(containers, f"{registry}/team/private:7", config(registry))

    assert (ended.message.reason, ended.permanent) == ("ImageNotHere", True)


def test_an_image_of_another_architecture_is_not_started(containers: EngineMachine, tmp_path: Path) -> None:
    (tmp_path / "Containerfile").write_text("FROM scratch\nADD Containerfile /\n")
    built = containers.engine.podman(
        "build", "--platform=linux/arm64", "--pull=never", "--tag=launchpad-test/arm:1", str(tmp_path)
    )
    assert built.returncode == 0, built.stderr

    ended = refused(containers, "launchpad-test/arm:1")

    assert (ended.message.reason, ended.permanent) == ("ImageWrongArchitecture", True)
    assert "made for arm64, and this engine runs amd64" in render(ended.message)


@pytest.mark.parametrize(
    ("words", "code", "permanent"),
    [
        ("manifest for busybox:no not found: manifest unknown: manifest unknown", "ImageNotFound", True),
        (
            "pull access denied for x/y, repository does not exist or may require 'docker login': denied: requested "
            "access to the resource is denied",
            "ImageNoAccess",
            True,
        ),
        ("Head https://ghcr.io/v2/x/manifests/1: unauthorized", "ImageNoAccess", True),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", "ImageWrongArchitecture", True),
        (
            "choosing an image from manifest list docker://x: no image found in manifest list for architecture arm64, "
            'variant "v8", OS linux',
            "ImageWrongArchitecture",
            True,
        ),
        ("Get https://registry-1.docker.io/v2/: dial tcp: lookup x: no such host", "RegistryUnreachable", False),
        ("net/http: TLS handshake timeout", "RegistryUnreachable", False),
        ("x509: certificate signed by unknown authority", "RegistryUnreachable", False),
        ("write /var/lib/docker/tmp/GetImageBlob1: no space left on device", "ImageNoSpace", False),
        ("manifest invalid: manifest invalid", "ImageInvalid", True),
        ("unsupported manifest media type and no default available", "ImageInvalid", True),
        ("something new", "ImagePullFailed", False),
    ],
)
def test_the_words_of_engines_and_registries_are_told_apart(words: str, code: str, permanent: bool) -> None:
    found = images._meaning("x/y:1", words, has_credentials=False)

    assert (found.message.reason, found.permanent) == (code, permanent)


@pytest.mark.parametrize(
    ("image", "registry", "name"),
    [
        ("busybox", "docker.io", "docker.io/library/busybox:latest"),
        ("docker.io/library/busybox:latest", "docker.io", "docker.io/library/busybox:latest"),
        ("team/server:1", "docker.io", "docker.io/team/server:1"),
        ("index.docker.io/team/server:1", "docker.io", "docker.io/team/server:1"),
        ("localhost/server:1", "localhost", "localhost/server:1"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000", "127.0.0.1:5000/a/b:latest"),
        ("ghcr.io/a/b@sha256:0123", "ghcr.io", "ghcr.io/a/b@sha256:0123"),
    ],
)
def test_names_of_images_are_understood_as_docker_does(image: str, registry: str, name: str) -> None:
    assert images.registry_of(image) == registry
    assert canonical(image) == name


@pytest.mark.parametrize(
    "secret",
    [
        '{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}}}',
        '{"docker.io": {"username": "u", "password": "p"}}',
        '{"auths": {"registry-1.docker.io": {"username": "u", "password": "p", "email": "none"}}}',
    ],
)
def test_the_forms_of_a_pull_secret(secret: str) -> None:
    assert images.credentials_for("team/server:1", [secret]) == {"username": "u", "password": "p"}


@pytest.mark.parametrize("secret", ["[]", '{"auths": {"docker.io": {"auth": "%"}}}', '{"auths": {"docker.io": 1}}'])
def test_a_pull_secret_of_another_form_is_refused(secret: str) -> None:
    with pytest.raises(ImageUnusable):
        images.credentials_for("team/server:1", [secret])


def test_progress_adds_the_layers_up() -> None:
    pulled = images._Progress("x:1")
    pulled.note({"id": "a", "status": "Downloading", "progressDetail": {"current": 10, "total": 100}})
    pulled.note({"id": "b", "status": "Downloading", "progressDetail": {"current": 50, "total": 100}})
    pulled.began -= 10

    message = pulled.note({"id": "a", "status": "Download complete", "progressDetail": {}})

    assert message is not None
    assert message.params["layers"] == 2
    assert (message.params["done_bytes"], message.params["total_bytes"]) == (150, 200)
    assert re.fullmatch(r"pulling the image: 150 B of 200 B, 2 layers, 1\d B a second, \d s left", render(message))
