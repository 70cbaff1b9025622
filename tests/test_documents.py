"""The documents for people who change Launchpad name only files, classes and layers that are there."""

from __future__ import annotations

import re
import tomllib

import pytest

from launchpad.home import BASE_DIR

_PATH = re.compile(r"`(\w[\w<>./-]*(?:/|\.(?:py|html|css|yaml|yml|toml|po|template|md|in|txt)))`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
_CLASS = re.compile(r"`([A-Z]\w*[a-z]\w*)(?:\.\w+)?`")
_RUNTIMES = ("deployments/runtimes/local/", "deployments/runtimes/containers/")
_PLACES = (
    "",
    "deployments/",
    "deployments/reconciler/",
    "deployments/reconciler/core/",
    "deployments/runtimes/",
    "deployments/runtimes/preparation/",
    "launchpad/",
)
_DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")


@pytest.mark.parametrize("name", [*_DOCUMENTS, *(f"{folder}README.md" for folder in _RUNTIMES)])
def test_files_and_links_in_a_document_lead_somewhere(name: str) -> None:
    text = (BASE_DIR / name).read_text()
    named = {*_PATH.findall(text), *_LINK.findall(text)}

    missing = {path for path in named if not any(_is_there(f"{place}{path}") for place in (*_PLACES, *_RUNTIMES))}

    assert not missing


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_classes_in_a_document_are_defined_in_the_code(name: str) -> None:
    code = [
        path.read_text() for part in ("deployments", "launchpad", "tests") for path in (BASE_DIR / part).rglob("*.py")
    ]
    defined = set(re.findall(r"^class (\w+)", "\n".join(code), re.MULTILINE))
    named = set(_CLASS.findall((BASE_DIR / name).read_text()))

    assert named
    assert named <= defined


def test_the_layers_in_the_document_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["name"] == "Imports go one way")
    table = (BASE_DIR / "ARCHITECTURE.md").read_text().split("## Layers")[1].split("\n##")[0]
    rows = re.findall(r"^\| (`.+?`) \|", table, re.MULTILINE)

    described = [set(re.findall(r"`(\w+)`", row)) for row in rows]

    assert [name for row in described for name in sorted(row)] == [
        name for layer in layers for name in sorted(layer.split(" | "))
    ]


_TEXTS = (
    "*.md",
    "templates/**/*.html",
    "static/**/*.css",
    "static/**/*.js",
    "deployments/**/*.po",
    "deployments/**/*.yaml",
)


def test_no_text_that_no_compiler_reads_has_the_marks_of_a_merge() -> None:
    marks = re.compile(r"^(<{7} |>{7} |={7}$)", re.MULTILINE)
    texts = [path for pattern in _TEXTS for path in BASE_DIR.glob(pattern)]

    assert len(texts) > 100
    assert [str(path) for path in texts if marks.search(path.read_text())] == []


def _is_there(path: str) -> bool:
    """Return whether a path leads to something; `<noun>` in it stands for any name."""
    return any(BASE_DIR.glob(re.sub(r"<\w+>", "*", path).rstrip("/")))


@pytest.mark.parametrize("folder", _RUNTIMES)
def test_the_document_of_a_runtime_names_each_of_its_modules(folder: str) -> None:
    named = set(re.findall(r"`(\w+\.py)`", (BASE_DIR / folder / "README.md").read_text()))
    modules = {path.name for path in (BASE_DIR / folder).glob("*.py")} - {"__init__.py"}

    assert modules <= named


def test_the_contract_that_no_runtime_imports_another_names_all_of_them() -> None:
    contracts = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    independent = {
        name for contract in contracts if contract["type"] == "independence" for name in contract["modules"]
    }
    forbidden = next(contract for contract in contracts if contract["name"].startswith("What runtimes share"))
    shared = {*forbidden["source_modules"], "deployments.runtimes.registry"}
    modules = {f"deployments.runtimes.{path.stem}" for path in (BASE_DIR / "deployments/runtimes").glob("[!_]*")}

    assert independent == set(forbidden["forbidden_modules"])
    assert independent | shared == modules
