"""What all that a configuration can construct touches, by `reach`, which walks it."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from copied import python

pytestmark = pytest.mark.slow

SHIPPED = ("exam", "mnist", "points", "poems")
"""Studies of this project's; what a researcher's own touch is their affair."""

MAY_TOUCH = {
    r"logger \S+\.(TensorBoard|MLflow)Logger": r"(writes|reads) ~/run(/.*)?",
    # The name of the machine, in that of its file.
    r"logger \S+\.TensorBoardLogger": r"asks a server socket\.gethostname",
    # It looks for GPUs, and for determinism sets what cuBLAS reads.
    r"trainer lightning\.Trainer": r"loads libnvidia-ml\S*|sets CUBLAS_WORKSPACE_CONFIG",
}
"""Of constructors, what they may touch; of all others nothing."""

PLACES = {
    r"(Images|Table|Text|Poems)\.(path|test_path|vocabulary)": "data to read, never as pickles",
    r"TorchvisionImages\.dataset": "one of torchvision's names, with a checksum",
    r"TorchvisionNet\.(model|pretrained)": "one of torchvision's names, with a checksum",
    r"TorchvisionNet\.weights": "opened with weights_only=True",
    r"(TensorBoard|Wandb|MLflow)Logger\..+": "within the run, or of the account of who runs it",
    r"(Simple|Advanced)Profiler\.filename": "Lightning puts _ for each /",
    r"Trainer\.(accelerator|profiler|strategy)": "one of the names that Lightning knows",
    r"Module(Dict|List)\.modules": "layers, each a node that is checked",
    r"CohenKappa\.weights": "linear or quadratic",
    r"Muon\.adjust_lr_fn": "one of two names",
    r"SCION(Light)?\.norm_kwargs": "numbers of a norm",
}
"""Arguments that take a text and sound like places or code, and what they do with it."""

UNMADE = {
    "needs what no plain value is": "a node within, which is checked as what it is",
    r"TypeError: \w+\.__init__\(\) missing 1 required .* '(transforms|lambd)'": "refused functions",
    r"TypeError: RNNBase\.__init__\(\) missing": "its signature names no arguments",
    r"SettingError: torch\.nn\.(RNNBase|FractionalMaxPool)": "values that go together",
    r"NotImplementedError: Cannot copy out of meta tensor": "gigabytes anywhere else",
    r"NotImplementedError: $": "a base class",
    r"ValueError: `use_muon` must be set": "groups that a fit does not give",
    r"ImportError: You need to install|.*Requirement '(mlflow|wandb)": "not installed here",
}
"""Why some constructors are not made from plain values."""

PLANTED = """
import pickle
import subprocess
import urllib.request
from pathlib import Path

from lightning import Callback, LightningDataModule
from torch import nn

Path("imported").touch()


class Writes(Callback):
    def __init__(self) -> None:
        Path("written").write_text("x")


class Reads(nn.Module):
    def __init__(self, *, path: str = "") -> None:
        pickle.loads(Path(path).read_bytes())


class Asks(nn.Module):
    def __init__(self, *, address: str = "") -> None:
        urllib.request.urlopen(address)


class Starts(LightningDataModule):
    def __init__(self, width: int) -> None:
        subprocess.run(["true"])
        eval("1 + 1")
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The walk of a project with a package of its own that touches the world."""
    project: Path = tmp_path_factory.mktemp("project")
    (project / "src" / "planted").mkdir(parents=True)
    (project / "src" / "planted" / "__init__.py").touch()
    (project / "src" / "planted" / "all.py").write_text(PLANTED)
    packages = json.dumps(["studies", "planted"])
    (project / "pyproject.toml").write_text(f"[tool.seedbed]\npackages = {packages}\n")
    environment = os.environ | {"SEEDBED_PROJECT": str(project)}
    done = python(Path(__file__).with_name("reach.py"), "--json", env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    strange = rf"\S+ studies\.(?!({'|'.join(SHIPPED)})(\.|$))"
    return {name: row for name, row in found.items() if not re.match(strange, name)}


def test_walk_names_what_a_package_of_ones_own_touches(report: dict[str, Any]) -> None:
    touches = {
        name.rpartition(".")[2]: " ".join(row["touches"])
        for name, row in report.items()
        if "planted" in name
    }
    assert "writes ~/here/imported" in touches["all"]
    assert "writes ~/here/written" in touches["Writes"]
    assert "reads ~/folder/file" in touches["Reads"]
    assert "unpickles itertools.count" in touches["Reads"]
    assert "asks a server urllib.Request" in touches["Asks"]
    assert "starts true" in touches["Starts"]
    assert "compiles 1 + 1" in touches["Starts"]
    assert "writes ~/here/written" in report["left"]["touches"]
    [path] = [
        row["places"] for name, row in report.items() if name.endswith("net planted.all.Reads")
    ]
    assert path == ["path"]


def test_constructors_touch_nothing_but_what_is_listed(report: dict[str, Any]) -> None:
    touching = {
        name: left
        for name, row in report.items()
        if "planted" not in name and name != "left"
        for rules in [[rule for one, rule in MAY_TOUCH.items() if re.fullmatch(one, name)]]
        if (left := [t for t in row["touches"] if not any(re.fullmatch(r, t) for r in rules)])
    }
    assert touching == {}
    assert {*report["left"]["touches"]} <= {"writes ~/here/imported", "writes ~/here/written"}


def test_each_argument_that_sounds_like_a_place_or_code_is_refused_or_listed(
    report: dict[str, Any],
) -> None:
    places = {
        f"{name.rpartition('.')[2]}.{place}"
        for name, row in report.items()
        for place in row.get("places", ())
        if "planted" not in name
    }
    assert [one for one in sorted(places) if not any(re.fullmatch(r, one) for r in PLACES)] == []


def test_each_constructor_is_made_or_it_is_known_why_not(report: dict[str, Any]) -> None:
    errors = {
        name: row["error"]
        for name, row in report.items()
        if row.get("error") and "planted" not in name
        if not any(re.match(reason, row["error"]) for reason in UNMADE)
    }
    assert errors == {}
    assert len(report) > 300
