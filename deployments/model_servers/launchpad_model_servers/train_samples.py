"""Trains the sample models, on data sets that come with scikit-learn, and writes them with all that is known of them.

Runs in the environment of the scikit-learn server (`launchpad/requirements` of `sklearn-server`), once, at the first
start, for about five seconds:

    python -m launchpad_model_servers.train_samples OUT

It writes `OUT/<name>/model.skops` or `model.onnx`, one folder for each model, and at last `OUT/samples.json`:

    {"artifacts": [{
        "name": "breast-cancer-logistic",       folder below OUT, and the artifact's name
        "kind": "model",
        "file": "breast-cancer-logistic/model.skops",
        "format": "skops",                      or "onnx"
        "scenario": "tabular-prediction",       scenario id
        "description": "…",
        "metric": {"name": "accuracy", "value": 0.965, "rows": 143},    on rows that were not used for training
        "sample": {"instances": [[…], …], "expected": ["benign", …]}    held-out rows and their true outcome
    }, …]}

Files appear under their final names only when they are whole, `samples.json` last: when it is there, all is there.
Everything is seeded; the same versions give the same models.

`catalog/samples.json` has the configurations to make from them, two and more for each template:

    {"configurations": [{
        "name": "Breast cancer, logistic regression",
        "scenario": "tabular-prediction",
        "executable": "sklearn-server",
        "parameters": {"modelName": "breast-cancer", "sampleInput": "[[…], …]"},
        "artifacts": {"model": "breast-cancer-logistic"}     slot -> name of an artifact above; {} for none
    }, …]}
"""

import json
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

_SEED = 7
_HELD_OUT = 0.25  # part of the rows
_MOST_SAMPLE_ROWS = 3
_OPSET = 18  # of ONNX; old enough for every ONNX Runtime that has wheels for Python 3.11


@dataclass(frozen=True, kw_only=True)
class Data:
    """A data set, split, with readable class names."""

    title: str
    task: str
    train: np.ndarray
    train_outcome: np.ndarray
    held_out: np.ndarray
    held_out_outcome: np.ndarray


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m launchpad_model_servers.train_samples OUT")
    out = Path(sys.argv[1])
    cancer = _data("breast cancer (569 tumours, 30 measurements)", "benign or malignant", load_breast_cancer)
    wine = _data("wine (178 wines, 13 measurements)", "one of three growers", load_wine)
    diabetes = _data("diabetes (442 patients, 10 measurements)", "progression after a year", load_diabetes)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    forest = RandomForestClassifier(n_estimators=40, random_state=_SEED)
    numbers = RandomForestRegressor(n_estimators=40, min_samples_leaf=4, random_state=_SEED)
    artifacts = [
        _train(out, "breast-cancer-logistic", "logistic regression", linear, cancer, _write_skops),
        _train(out, "breast-cancer-forest", "random forest", forest, cancer, _write_skops),
        _train(out, "diabetes-ridge", "ridge regression", Ridge(alpha=0.1), diabetes, _write_skops),
        _train(out, "diabetes-forest", "random forest", numbers, diabetes, _write_skops),
        _train(out, "wine-logistic-onnx", "logistic regression", linear, wine, _write_onnx),
        _train(out, "wine-forest-onnx", "random forest", forest, wine, _write_onnx),
    ]
    _replace(out / "samples.json", json.dumps({"artifacts": artifacts}, indent=1).encode())


def _data(title: str, task: str, load: Callable[[], Any]) -> Data:
    bunch = load()
    names = getattr(bunch, "target_names", None)
    outcome = bunch.target if names is None else np.asarray(names, dtype=str)[bunch.target]
    train, held_out, train_outcome, held_out_outcome = train_test_split(
        bunch.data, outcome, test_size=_HELD_OUT, random_state=_SEED, stratify=None if names is None else outcome
    )
    return Data(
        title=title,
        task=task,
        train=train,
        train_outcome=train_outcome,
        held_out=held_out,
        held_out_outcome=held_out_outcome,
    )


def _train(
    out: Path, name: str, kind: str, estimator: Any, data: Data, write: Callable[[Path, Any, Data], Path]
) -> dict[str, Any]:
    estimator.fit(data.train, data.train_outcome)
    classes = hasattr(estimator, "classes_")
    metric = "accuracy" if classes else "r2"
    score = accuracy_score if classes else r2_score
    value = round(float(score(data.held_out_outcome, estimator.predict(data.held_out))), 3)
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    path = write(folder, estimator, data)
    # One row of each class, or just the first ones.
    chosen = np.sort(np.unique(data.held_out_outcome, return_index=True)[1])[:_MOST_SAMPLE_ROWS]
    rows = np.round(data.held_out[chosen], 6)
    return {
        "name": name,
        "kind": "model",
        "file": str(path.relative_to(out)),
        "format": path.suffix.lstrip("."),
        "scenario": "tabular-prediction",
        "description": (
            f"A {kind} that predicts {data.task} from the data set {data.title}. "
            f"{'Accuracy' if classes else 'R²'} {value} on {len(data.held_out)} rows that it has not seen."
        ),
        "metric": {"name": metric, "value": value, "rows": len(data.held_out)},
        "sample": {"instances": rows.tolist(), "expected": data.held_out_outcome[chosen].tolist()},
    }


def _write_skops(folder: Path, estimator: Any, _data: Data) -> Path:
    return _replace(folder / "model.skops", skops.io.dumps(estimator))


def _write_onnx(folder: Path, estimator: Any, data: Data) -> Path:
    options = {"zipmap": False}  # probabilities as a tensor, which the protocol can carry
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of skl2onnx, about onnx itself
        model = to_onnx(estimator, data.train[:1].astype(np.float32), options=options, target_opset=_OPSET)
    return _replace(folder / "model.onnx", model.SerializeToString())


def _replace(path: Path, content: bytes) -> Path:
    draft = path.with_suffix(path.suffix + ".part")
    draft.write_bytes(content)
    return draft.replace(path)


if __name__ == "__main__":
    main()
