"""Serves an ONNX model: a file, or a folder with one such file."""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoSuchFile,
    RuntimeException,
)

from launchpad_model_servers.open_inference import (
    InferInput,
    InvalidInput,
    ModelUnusable,
    ServedModel,
    arguments,
    run,
    tensor,
)

_TYPES = {  # of ONNX Runtime -> of the protocol, of numpy
    "tensor(float)": ("FP32", np.float32),
    "tensor(double)": ("FP64", np.float64),
    "tensor(float16)": ("FP16", np.float16),
    "tensor(int64)": ("INT64", np.int64),
    "tensor(int32)": ("INT32", np.int32),
    "tensor(int16)": ("INT16", np.int16),
    "tensor(int8)": ("INT8", np.int8),
    "tensor(uint64)": ("UINT64", np.uint64),
    "tensor(uint32)": ("UINT32", np.uint32),
    "tensor(uint16)": ("UINT16", np.uint16),
    "tensor(uint8)": ("UINT8", np.uint8),
    "tensor(bool)": ("BOOL", np.bool_),
    "tensor(string)": ("BYTES", np.object_),
}


def main() -> None:
    parser = arguments("Serve an ONNX model.")
    parser.add_argument("--model", type=Path, required=True, help="the model's file, or a folder with one such file")
    parser.add_argument("--threads", type=int, default=1, help="threads for one prediction")
    run(load, parser.parse_args())


def load(options: argparse.Namespace) -> "OnnxModel":
    path = options.model
    if path.is_dir():
        found = sorted(path.rglob("*.onnx"))
        if len(found) != 1:
            raise ModelUnusable(f"{path.name} holds {len(found)} files *.onnx; exactly one is needed.")
        path = found[0]
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    except (Fail, InvalidGraph, InvalidProtobuf, InvalidArgument, NoSuchFile, RuntimeException) as error:
        raise ModelUnusable(f"{path.name} cannot be read as an ONNX model: {error}") from error
    odd = [node.name for node in [*session.get_inputs(), *session.get_outputs()] if node.type not in _TYPES]
    if odd:
        raise ModelUnusable(
            f"“{odd[0]}” is not a tensor. Convert a model of scikit-learn with the option zipmap=False."
        )
    return OnnxModel(options.model_name, session)


class OnnxModel(ServedModel):
    """A session of ONNX Runtime; numbers are converted to the types that the model takes."""

    def __init__(self, name: str, session: onnxruntime.InferenceSession) -> None:
        super().__init__(name)
        self.session = session
        self.types = {node.name: _TYPES[node.type][1] for node in session.get_inputs()}
        self.inputs = tuple(map(_described, session.get_inputs()))
        self.outputs = tuple(map(_described, session.get_outputs()))

    def predict_v1(self, instances: list[Any]) -> list[Any]:
        if all(isinstance(instance, dict) for instance in instances):
            columns = {name: [instance.get(name) for instance in instances] for name in self.types}
        elif len(self.types) == 1:
            columns = {next(iter(self.types)): instances}
        else:
            raise InvalidInput(f"Each instance must give {', '.join(self.types)} by name.")
        found = self._run({name: self._array(name, values) for name, values in columns.items()}, None)
        results = [array.tolist() for array in found.values()]
        if len(results) == 1:
            return list(results[0])
        return [dict(zip(found, row, strict=True)) for row in zip(*results, strict=True)]

    def infer(self, inputs: list[InferInput], names: set[str]) -> dict[str, np.ndarray]:
        inputs_by_name = {entry.name: entry for entry in inputs}
        if missing := [name for name in self.types if name not in inputs_by_name]:
            raise InvalidInput(f"The input “{missing[0]}” is missing; the model takes: {', '.join(self.types)}.")
        feed = {name: self._array(name, tensor(inputs_by_name[name])) for name in self.types}
        all_names = [output["name"] for output in self.outputs]
        return self._run(feed, [name for name in all_names if name in names] if names else None)

    def _array(self, name: str, values: Any) -> np.ndarray:
        try:
            return np.asarray(values, dtype=self.types[name])
        except (ValueError, TypeError) as error:
            raise InvalidInput(f"The values of “{name}” do not fit {np.dtype(self.types[name])}: {error}") from error

    def _run(self, feed: dict[str, np.ndarray], requested: list[str] | None) -> dict[str, np.ndarray]:
        names = requested or [output["name"] for output in self.outputs]
        try:
            return dict(zip(names, self.session.run(names, feed), strict=True))
        except (Fail, InvalidArgument, RuntimeException) as error:
            raise InvalidInput(f"The model refused the input: {str(error).splitlines()[0]}") from error


def _described(node: Any) -> dict[str, Any]:
    shape = [size if isinstance(size, int) else -1 for size in node.shape]
    return {"name": node.name, "datatype": _TYPES[node.type][0], "shape": shape}


if __name__ == "__main__":
    sys.exit(main())
