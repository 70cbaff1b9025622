"""Tells the type of content, text or binary, with the small model that the package `magika` ships.

v1: an instance is a text, or `{"b64": "…"}` for bytes. v2: one input of datatype BYTES; with the parameter
`{"content_type": "base64"}` its elements are decoded.
"""

import argparse
import base64
import sys
from typing import Any

import numpy as np
from magika import Magika, PredictionMode

from launchpad_model_servers.open_inference import InferInput, InvalidInput, ServedModel, arguments, run, tensor


def main() -> None:
    parser = arguments("Tell the type of content.")
    parser.add_argument(
        "--prediction-mode",
        choices=[mode.value.replace("_", "-") for mode in PredictionMode],
        default="high-confidence",
        help="how sure the model must be before it names more than “text” or “unknown”",
    )
    run(load, parser.parse_args())


def load(options: argparse.Namespace) -> "ContentTypes":
    return ContentTypes(options.model_name, PredictionMode(options.prediction_mode.replace("-", "_")))


class ContentTypes(ServedModel):
    """Label, MIME type and score of each content."""

    inputs = ({"name": "content", "datatype": "BYTES", "shape": [-1]},)
    outputs = (
        {"name": "label", "datatype": "BYTES", "shape": [-1]},
        {"name": "mime_type", "datatype": "BYTES", "shape": [-1]},
        {"name": "score", "datatype": "FP64", "shape": [-1]},
    )

    def __init__(self, name: str, mode: PredictionMode) -> None:
        super().__init__(name)
        self.magika = Magika(prediction_mode=mode)

    def predict_v1(self, instances: list[Any]) -> list[Any]:
        return [self._identify(_content(instance)) for instance in instances]

    def infer(self, inputs: list[InferInput], names: set[str]) -> dict[str, np.ndarray]:
        if len(inputs) != 1 or inputs[0].datatype != "BYTES":
            raise InvalidInput("One input of datatype BYTES is needed, with one element for each content.")
        encoded = (inputs[0].parameters or {}).get("content_type") == "base64"
        results = [
            self._identify(_decoded(item) if encoded else item if isinstance(item, bytes) else str(item).encode())
            for item in tensor(inputs[0]).reshape(-1)
        ]
        return {
            output["name"]: np.array(
                [result[output["name"]] for result in results],
                dtype=object if output["datatype"] == "BYTES" else float,
            )
            for output in self.outputs
        }

    def _identify(self, content: bytes) -> dict[str, Any]:
        result = self.magika.identify_bytes(content)
        kind = result.output
        return {
            "label": str(kind.label),
            "mime_type": kind.mime_type,
            "group": kind.group,
            "description": kind.description,
            "is_text": kind.is_text,
            "score": round(float(result.score), 4),
        }


def _content(instance: Any) -> bytes:
    if isinstance(instance, str):
        return instance.encode()
    if isinstance(instance, dict) and isinstance(instance.get("b64"), str):
        return _decoded(instance["b64"])
    raise InvalidInput('Each instance must be a text, or {"b64": "…"} with bytes in base64.')


def _decoded(text: str | bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise InvalidInput(f"This is not valid base64: {error}.") from error


if __name__ == "__main__":
    sys.exit(main())
