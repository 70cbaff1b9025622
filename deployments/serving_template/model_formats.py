"""The model formats of KServe that the servers which come with Launchpad read.

A predictor that names a format instead of a container runs on the server of that format. Its requirements are those of
the built-in template of that server, so that both use one environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.serving_template.container import PREDICTOR
from deployments.serving_template.modules import DISTRIBUTION
from deployments.serving_template.schema import RequestTemplate
from deployments.serving_template.yaml_source import PLACEHOLDER, Path, Source, Tree, as_mapping

HEALTH_PATH = "/v2/health/ready"
DEADLINES = {"PREPARED": "900", "HEALTHY": "120"}
# As KServe had them before there was `model`: `predictor: {sklearn: {storageUri: ...}}`.
_FORMER = (
    "sklearn",
    "xgboost",
    "lightgbm",
    "pytorch",
    "tensorflow",
    "triton",
    "onnx",
    "pmml",
    "paddle",
    "huggingface",
)
_PROTOCOLS = ("v1", "v2")


@dataclass(frozen=True, kw_only=True)
class ModelFormat:
    """The server of a format: its module, and the requirement lines of its environment."""

    module: str
    requirements: tuple[str, ...]


FORMATS: Mapping[str, ModelFormat] = {
    "sklearn": ModelFormat(
        module="launchpad_model_servers.sklearn_server",
        requirements=(
            DISTRIBUTION,
            "kserve==0.21.0",
            "scikit-learn==1.9.1",
            "skops==0.16.0",
            "skl2onnx==1.20.0",
        ),
    ),
    "onnx": ModelFormat(
        module="launchpad_model_servers.onnx_server",
        requirements=(DISTRIBUTION, "kserve==0.21.0", "onnxruntime==1.32.0"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class FormatServer:
    """The server that a model format stands for.

    Args:
        command: with placeholders; empty if the format is not known, which was refused.
        model: the address of the model.
        sample: the request that the playground starts with.
    """

    command: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    model: str = ""
    sample: RequestTemplate | None = None


def model_of(source: Source, predictor: Mapping[str, Tree]) -> tuple[dict[str, Tree], Path] | None:
    """Return the model that a predictor without a container names, with its path; None when there is none.

    The former notation, in which the format is the name, is returned in today's.
    """
    if "model" in predictor:
        path: Path = (*PREDICTOR, "model")
        return source.mapping(predictor.get("model"), path), path
    for name in _FORMER:
        if name in predictor:
            path = (*PREDICTOR, name)
            return {"modelFormat": {"name": name}, **source.mapping(predictor.get(name), path)}, path
    return None


def server_of_format(source: Source, model: Mapping[str, Tree], path: Path, *, model_name: str) -> FormatServer:
    """Return the server of a model format.

    Args:
        model_name: the model's name in URLs.
    """
    name = str(as_mapping(model.get("modelFormat")).get("name") or "")
    known = ", ".join(FORMATS)
    if name not in FORMATS:
        sentence = _(
            "There is no server of the model format “%(name)s” here: use one of %(known)s, or name a container with "
            "the image of such a server."
        )
        source.refuse((*path, "modelFormat"), sentence % {"name": name, "known": known})
        return FormatServer()
    protocol = str(model.get("protocolVersion") or "v1")
    if protocol not in _PROTOCOLS:
        sentence = _("The protocol %(protocol)s is not supported: use one of %(known)s.")
        values = {"protocol": protocol, "known": ", ".join(_PROTOCOLS)}
        source.refuse((*path, "protocolVersion"), sentence % values)
    uri = str(model.get("storageUri") or "").strip()
    if not uri.startswith("{{") or not (match := PLACEHOLDER.match(uri)) or "artifacts." not in match[1]:
        source.refuse(
            (*path, "storageUri"),
            _(
                "The model must be an input artifact: declare it in spec.inputs.artifacts and write "
                "{{inputs.artifacts.NAME}} here."
            ),
        )
        uri = ""
    server = FORMATS[name]
    return FormatServer(
        command=("python", "-m", server.module, f"--model-name={model_name}", f"--model={uri}"),
        requirements=server.requirements,
        model=uri,
        sample=_sample(protocol, model_name),
    )


def _sample(protocol: str, model_name: str) -> RequestTemplate:
    if protocol == "v2":
        return RequestTemplate(path=f"/v2/models/{model_name}")
    return RequestTemplate(method="POST", path=f"/v1/models/{model_name}:predict", body={"instances": []})
