"""The reference of settings, and editors' schemas, are what the constructors and YAML files say."""

import json
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from copied import called
from jsonschema import Draft7Validator
from omegaconf import OmegaConf
from referencing import Registry, Resource
from shipped import COMPLETE, LISTED
from stub_project import REPOSITORY

PRESENT = {
    path.relative_to(REPOSITORY / "conf").as_posix()
    for path in (REPOSITORY / "conf").rglob("*.yaml")
    if path.parent.parent.name != "hydra"
}

WRITTEN = {path.name: path.read_text() for path in (REPOSITORY / "schemas").glob("*.json")}

BOTH = "from seedbed.new import reference, schemas; import json; "
BOTH += "print(json.dumps([reference.page(), schemas.schemas()]))"

OF_EDITORS = json.loads((REPOSITORY / ".vscode" / "settings.json").read_text())["yaml.schemas"]


@cache
def validator(name: str) -> Draft7Validator:
    schemas = {name: json.loads(text) for name, text in WRITTEN.items()}
    known = [(name, Resource.from_contents(schema)) for name, schema in schemas.items()]
    return Draft7Validator(schemas[name], registry=Registry().with_resources(known))


def mistakes(schema: str, content: Any) -> list[str]:
    return [error.message for error in validator(schema).iter_errors(content)]


@pytest.mark.slow
@pytest.mark.skipif(
    not COMPLETE or {*LISTED} < PRESENT, reason="options were taken out or added: make reference"
)
def test_page_and_schemas_are_up_to_date() -> None:
    page, schemas = json.loads(called(REPOSITORY, "-c", BOTH))
    assert (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8") == page
    assert schemas == WRITTEN


def test_shipped_files_are_valid_by_the_schemas_that_an_editor_finds() -> None:
    shipped = [name for name in LISTED if name in PRESENT]
    for name in shipped:
        [schema] = [
            Path(place).name
            for place, patterns in OF_EDITORS.items()
            if any(fnmatch(f"conf/{name}", pattern) for pattern in patterns)
        ]
        content = OmegaConf.to_container(OmegaConf.load(REPOSITORY / "conf" / name))
        assert mistakes(schema, content) == [], name


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        ("optimizer.json", {"_target_": "torch.optim.Adam", "lr": "fast"}),
        ("optimizer.json", {"_target_": "torch.optim.Adam", "learning_rate": 0.1}),
        ("optimizer.json", {"defaults": ["adam"], "betas": [0.9]}),
        ("net.json", {"_target_": "seedbed.nets.mlp.MLP", "activation": "rleu"}),
        ("net.json", {"_target_": "seedbed.nets.mlp.MLP", "hidden": [1.5]}),
        ("callbacks.json", {"defaults": ["default"], "diagnostics": {"thorogh": True}}),
        ("trainer.json", {"compile": "yes", "trainer": {}}),
        ("study.json", {"max_epoch": 3}),
        ("study.json", {"seed": 1.5}),
        ("study.json", {"optimizer": {"momentun": 0.9}}),
    ],
)
def test_wrong_type_and_unknown_argument_are_refused(schema: str, content: Any) -> None:
    assert mistakes(schema, content)


@pytest.mark.parametrize(
    ("schema", "content"),
    [
        ("optimizer.json", {"_target_": "torch.optim.Adam", "lr": "${data.rate}", "betas": None}),
        ("net.json", {"_target_": "mine.Net", "depth": "any"}),
        (
            "callbacks.json",
            {"defaults": ["default"], "diagnostics": None, "own": {"_target_": "a.B"}},
        ),
        ("study.json", {"defaults": [{"override /net": "mlp"}], "net": {"hidden": ["${seed}"]}}),
        ("study.json", {"task": {"loss": {"_target_": "torch.nn.L1Loss"}}, "scheduler": None}),
    ],
)
def test_references_null_and_targets_of_ones_own_are_accepted(schema: str, content: Any) -> None:
    assert mistakes(schema, content) == []
