"""Serves one model by the Open Inference Protocol v2 and KServe's v1, through the package `kserve`.

Runs inside a model server's own environment: it may import neither Django nor `deployments`.

`kserve` was chosen over `mlserver`, which speaks v2 alone. A fifth of its start and of its memory goes to a Kubernetes
client and a pandas conversion that a server of one model never uses; so `_import_kserve` goes around both. Measured
for one scikit-learn model on 2 cores, all compiled to bytecode: ready in 1.5 s with 175 MB, instead of 1.9 s and
221 MB (`mlserver` 2.0 s, 227 MB); without bytecode every start takes 2 s longer. The catalog pins the version of
`kserve` that this was tried with.
"""

import argparse
import asyncio
import contextlib
import importlib.util
import logging
import os
import signal
import sys
import types
import uuid
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, NoReturn

LOG = logging.getLogger("server")


class ModelIsFixed(Exception):
    """Somebody asks to load or unload a model, which this server does not offer."""


class ModelUnusable(Exception):
    """The model cannot be loaded; the message says why and what to do."""


@contextlib.contextmanager
def without_pandas() -> Iterator[None]:
    """Let modules believe that pandas is not installed while they are imported; it can be imported afterwards."""
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["pandas"]


def _import_kserve() -> None:
    spec = importlib.util.find_spec("kserve")
    if spec is None or spec.submodule_search_locations is None:
        sys.stderr.write("error: The package kserve is missing from this server's environment.\n")
        sys.exit(os.EX_CONFIG)  # 78: another try would end the same
    package = types.ModuleType("kserve")  # the package without its __init__, which imports the Kubernetes client
    package.__path__ = list(spec.submodule_search_locations)
    package.__spec__ = spec
    pandas = types.ModuleType("pandas")  # named in annotations only
    pandas.DataFrame = type("DataFrame", (), {})  # type: ignore[attr-defined]
    arguments, sys.argv = sys.argv, sys.argv[:1]  # kserve reads its own options from the command line
    sys.modules |= {"kserve": package, "pandas": pandas}
    try:
        importlib.import_module("kserve.model_server")
    finally:
        sys.argv = arguments
        del sys.modules["pandas"]


_import_kserve()

import numpy as np  # noqa: E402
import orjson  # noqa: E402
from fastapi import FastAPI, Request  # noqa: E402
from fastapi.exceptions import RequestValidationError  # noqa: E402
from fastapi.responses import JSONResponse  # noqa: E402
from kserve.errors import InvalidInput, ModelNotFound  # noqa: E402
from kserve.model import Model  # noqa: E402
from kserve.model_repository import ModelRepository  # noqa: E402
from kserve.protocol.dataplane import DataPlane  # noqa: E402
from kserve.protocol.infer_type import InferInput, InferOutput, InferRequest, InferResponse  # noqa: E402
from kserve.protocol.model_repository_extension import ModelRepositoryExtension  # noqa: E402
from kserve.protocol.rest.server import RESTServer  # noqa: E402
from kserve.utils.numpy_codec import from_np_dtype  # noqa: E402

__all__ = [
    "InferInput",
    "InvalidInput",
    "ModelUnusable",
    "ServedModel",
    "arguments",
    "run",
    "tensor",
    "without_pandas",
]


class ServedModel(Model):
    """A model behind both protocols.

    `infer` and `predict_v1` run in threads, several at once. A ValueError or TypeError that they raise is taken for a
    fault of the input and answered with 400 and its text.
    """

    inputs: tuple[dict[str, Any], ...] = ()
    outputs: tuple[dict[str, Any], ...] = ()

    @abstractmethod
    def infer(self, inputs: list[InferInput], names: set[str]) -> dict[str, np.ndarray]:
        """Answer a v2 request.

        Args:
            names: of the requested outputs; empty for the default ones.
        """

    @abstractmethod
    def predict_v1(self, instances: list[Any]) -> list[Any]:
        """Return one prediction, ready for JSON, for each of the instances of a v1 request (one at least)."""

    def get_input_types(self) -> list[dict[str, Any]]:
        return list(self.inputs)

    def get_output_types(self) -> list[dict[str, Any]]:
        return list(self.outputs)

    async def predict(self, payload: Any, headers: Any = None) -> Any:
        try:
            if isinstance(payload, InferRequest):
                return await asyncio.to_thread(self._answer_v2, payload)
            return await asyncio.to_thread(self._answer_v1, payload)
        except (ValueError, TypeError) as error:
            raise InvalidInput(str(error)) from error

    def _answer_v1(self, payload: Any) -> dict[str, Any]:
        if isinstance(payload, bytes):  # a content type with parameters is left undecoded
            payload = orjson.loads(payload)
        instances = payload.get("instances") if isinstance(payload, dict) else None
        if not isinstance(instances, list):
            raise InvalidInput('Send JSON with a list of "instances", one for each prediction.')
        return {"predictions": self.predict_v1(instances) if instances else []}

    def _answer_v2(self, request: InferRequest) -> InferResponse:
        requested = request.request_outputs or []
        results = self.infer(request.inputs, {output.name for output in requested})
        if missing := sorted({output.name for output in requested} - results.keys()):
            raise InvalidInput(f"There is no output “{missing[0]}”; there are: {', '.join(results)}.")
        return InferResponse(
            response_id=request.id or str(uuid.uuid4()),
            model_name=self.name,
            infer_outputs=[_output(name, array) for name, array in results.items()],
            requested_outputs=requested or None,
        )


def tensor(entry: InferInput) -> np.ndarray:
    """Return a v2 input as an array in its shape."""
    try:
        return entry.as_numpy()
    except (ValueError, TypeError) as error:
        fitting = f"datatype {entry.datatype} and shape {entry.shape}"
        raise InvalidInput(f"The data of input “{entry.name}” does not fit {fitting}: {error}.") from error


class _Parser(argparse.ArgumentParser):
    """Ends with 64 (EX_USAGE of sysexits.h) when the arguments are wrong: another try would end the same."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(os.EX_USAGE, f"error: {message}\n")


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser with the options that every server has."""
    parser = _Parser(description=description, allow_abbrev=False)
    parser.add_argument("--model-name", default="model", help="name of the model in the URL")
    parser.add_argument("--host", default=os.environ.get("HOST", "127.0.0.1"), help="address to listen on")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")), help="port to listen on")
    return parser


def run(load: Any, options: argparse.Namespace) -> NoReturn:
    """Load the model and serve it until SIGTERM or SIGINT.

    Args:
        load: called with the options, returns the ServedModel; may raise ModelUnusable, which ends the server with
            exit code 65 (EX_DATAERR of sysexits.h): Launchpad does not try it again.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")  # by FastAPI; the package uses it
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(message)s")
    for name in ("kserve", "kserve.trace"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").propagate = False  # the gateway knows every request
    try:
        model = load(options)
    except ModelUnusable as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201  the server's own output
        sys.exit(os.EX_DATAERR)  # 65: another try would end the same
    model.ready = True
    LOG.info("The model %s is loaded.", model.name)
    asyncio.run(_Server(model, options.host, options.port).start())
    sys.exit(0)


class _Server(RESTServer):
    """The package's server, with short answers to faulty requests instead of stack traces."""

    def __init__(self, model: ServedModel, host: str, port: int) -> None:
        models = ModelRepository()
        models.update(model)
        super().__init__("kserve.model_server:app", DataPlane(models), _FixedModels(models), port, grace_period=8)
        self.config.host = host

    def _add_exception_handlers(self, app: FastAPI) -> None:
        super()._add_exception_handlers(app)
        app.add_exception_handler(InvalidInput, _refusal(400))
        app.add_exception_handler(ModelNotFound, _refusal(404))
        app.add_exception_handler(ModelIsFixed, _refusal(501))
        app.add_exception_handler(RequestValidationError, _malformed)


class _FixedModels(ModelRepositoryExtension):
    """Nobody who may ask for a prediction may take the model away."""

    async def load(self, model_name: str) -> NoReturn:
        raise ModelIsFixed("This server keeps the one model that it was started with.")

    async def unload(self, model_name: str) -> NoReturn:
        await self.load(model_name)


def _refusal(status: int) -> Any:
    async def answer(request: Request, error: Exception) -> JSONResponse:
        LOG.warning("Refused %s %s: %s", request.method, request.url.path, str(error)[:500])
        return JSONResponse({"error": str(error)}, status_code=status)

    return answer


async def _malformed(request: Request, error: RequestValidationError) -> JSONResponse:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "InferenceRequest"))
    sentence = f"This is no Open Inference Protocol request: {place or 'body'}: {first['msg']}."
    return await _refusal(400)(request, ValueError(sentence))  # type: ignore[no-any-return]


def _output(name: str, array: np.ndarray) -> InferOutput:
    if array.dtype.kind in "US":
        array = array.astype(object)
    return InferOutput(name=name, shape=list(array.shape), datatype=from_np_dtype(array.dtype), data=array)
