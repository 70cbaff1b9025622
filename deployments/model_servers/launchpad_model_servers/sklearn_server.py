"""Serves a scikit-learn model.

The model is a file, or a folder with one such file, in the format of `skops`, which is checked before anything in it
is made into an object. Pickles (`joblib.dump`, `pickle.dump`) can run any code when they are loaded; they are only
read when the person who deploys says so.
"""

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

from launchpad_model_servers.open_inference import (
    InferInput,
    InvalidInput,
    ModelUnusable,
    ServedModel,
    arguments,
    run,
    tensor,
    without_pandas,
)

with without_pandas():
    import skops.io

import joblib
import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

_SUFFIXES = (".skops", ".joblib", ".pkl", ".pickle")
_METHODS = ("predict", "predict_proba", "decision_function", "transform")
# What estimators of scikit-learn itself keep after fitting and skops 0.16 asks about: they hold numbers, no code.
_FITTED_STATE = {
    "sklearn._loss.loss.HalfTweedieLossIdentity",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
    "sklearn.gaussian_process.kernels.ConstantKernel",
    "sklearn.gaussian_process.kernels.Product",
    "sklearn.gaussian_process.kernels.RBF",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
}


def main() -> None:
    parser = arguments("Serve a scikit-learn model.")
    parser.add_argument("--model", type=Path, required=True, help="the model's file, or a folder with one such file")
    parser.add_argument("--allow-pickle", choices=("true", "false"), default="false", help="read pickles, too")
    parser.add_argument("--trusted-types", default="", help="types that a skops file may hold, separated by commas")
    run(load, parser.parse_args())


def load(options: argparse.Namespace) -> "SklearnModel":
    # A model may have been trained with column names; arrays without names are fine here.
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    path = _model_file(options.model)
    with path.open("rb") as file:
        is_skops = file.read(2) == b"PK"  # a zip archive, whatever its name is
    try:
        estimator = _from_skops(path, options) if is_skops else _from_pickle(path, options)
    except (ModelUnusable, MemoryError):  # another try may find more memory
        raise
    except Exception as error:  # an untrusted file can fail in any way, and the error is reported
        raise ModelUnusable(f"{path.name} cannot be read as a model: {type(error).__name__}: {error}") from error
    if not hasattr(estimator, "predict"):
        raise ModelUnusable(f"{path.name} holds a {type(estimator).__name__}, which has no method predict.")
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise ModelUnusable(f"{path.name} holds a model that has not been trained: call fit before saving.") from error
    except TypeError:
        pass  # not an estimator in scikit-learn's sense: nothing to check about its training
    return SklearnModel(options.model_name, estimator)


def _model_file(path: Path) -> Path:
    if path.is_file():
        return path
    files = sorted(file for file in path.rglob("*") if file.suffix in _SUFFIXES) if path.is_dir() else []
    if len(files) == 1:
        return files[0]
    names = ", ".join(file.name for file in files[:5])
    raise ModelUnusable(
        f"{path.name} holds several models ({names}): give a folder with one."
        if files
        else f"{path.name} holds no model file: save one as model.skops (skops.io.dump)."
    )


def _from_skops(path: Path, options: argparse.Namespace) -> Any:
    trusted = _FITTED_STATE | {name.strip() for name in options.trusted_types.split(",") if name.strip()}
    if unknown := sorted(set(skops.io.get_untrusted_types(file=path)) - trusted):
        raise ModelUnusable(
            f"{path.name} holds types that are not known to be safe: {', '.join(unknown)}. If you trust where the "
            "model comes from and the types are installed here, name them in the parameter trustedTypes."
        )
    return skops.io.load(path, trusted=sorted(trusted))


def _from_pickle(path: Path, options: argparse.Namespace) -> Any:
    if options.allow_pickle != "true":
        raise ModelUnusable(
            f"{path.name} is a pickle, which can run any code when it is loaded. Save the model with skops.io.dump, "
            "or set the parameter allowPickle to true if you trust where it comes from."
        )
    return joblib.load(path)


class SklearnModel(ServedModel):
    """An estimator; v2 outputs are named like the methods that give them, `predict` unless others are asked for."""

    def __init__(self, name: str, estimator: Any) -> None:
        super().__init__(name)
        self.estimator = estimator
        self.width = int(getattr(estimator, "n_features_in_", -1))
        kind = (
            "BYTES" if getattr(getattr(estimator, "classes_", None), "dtype", np.dtype(float)).kind in "OU" else "FP64"
        )
        self.inputs = ({"name": "input", "datatype": "FP64", "shape": [-1, self.width]},)
        self.outputs = ({"name": "predict", "datatype": kind, "shape": [-1]},)

    def predict_v1(self, instances: list[Any]) -> list[Any]:
        if all(isinstance(instance, dict) for instance in instances):
            rows = self._frame({name: [instance.get(name) for instance in instances] for name in instances[0]})
        else:
            rows = self._checked(_matrix(instances))
        predictions: list[Any] = np.asarray(self.estimator.predict(rows)).tolist()
        return predictions

    def infer(self, inputs: list[InferInput], names: set[str]) -> dict[str, np.ndarray]:
        if len(inputs) == 1:
            rows = self._checked(tensor(inputs[0]))
        else:
            rows = self._frame({entry.name: tensor(entry).reshape(-1) for entry in inputs})
        methods = [name for name in _METHODS if name in (names or {"predict"}) and hasattr(self.estimator, name)]
        return {name: np.asarray(getattr(self.estimator, name)(rows)) for name in methods}

    def _checked(self, rows: np.ndarray) -> np.ndarray:
        if rows.ndim != 2 or (self.width > 0 and rows.shape[1] != self.width):
            width = f"{self.width} values" if self.width > 0 else "values"
            raise InvalidInput(f"Each instance must be a list of {width}; the data has the shape {list(rows.shape)}.")
        return rows

    def _frame(self, columns: dict[str, Any]) -> Any:
        """Return named columns in the order that the model knows, as the table that it was trained on."""
        import pandas  # only for models that are asked by column names

        names = [str(name) for name in getattr(self.estimator, "feature_names_in_", columns)]
        if missing := [name for name in names if name not in columns]:
            raise InvalidInput(f"The column “{missing[0]}” is missing; the model knows: {', '.join(names)}.")
        return pandas.DataFrame({name: columns[name] for name in names})


def _matrix(instances: list[Any]) -> np.ndarray:
    try:
        return np.asarray(instances, dtype=float)
    except (ValueError, TypeError):
        lengths = {len(row) if isinstance(row, list) else -1 for row in instances}
        if len(lengths) > 1 or -1 in lengths:
            raise InvalidInput("All instances must be lists of the same length, or all must be mappings.") from None
        return np.asarray(instances, dtype=object)


if __name__ == "__main__":
    sys.exit(main())
