import ast
import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from stub_project import REPOSITORY

from seedbed.fast.imports import quick_imports

SOURCE = REPOSITORY / "src" / "seedbed"

MAY_IMPORT = {
    "errors": set[str](),
    "project": set(),
    "lightning_private": set(),
    "files": {"errors"},
    "metric_directions": set(),
    "terminal": {"errors"},
    "processes": {"errors", "files", "record", "terminal"},
    "record": {"errors", "files", "metric_directions", "project", "terminal"},
    "data": {"errors", "files", "processes", "record", "terminal"},
    "nets": {"errors"},
    "optim": {"errors"},
    "tasks": {"errors", "lightning_private", "processes"},
    "fast": {"data", "tasks"},
    "speed": {"fast", "project"},
    "tensorboard": set(),
    "loggers": {"files", "lightning_private", "tensorboard"},
    "report": {"errors", "files", "metric_directions", "record", "speed", "terminal"},
    "callbacks": {
        *("data", "errors", "files", "metric_directions", "nets", "processes"),
        *("lightning_private", "record", "tasks", "tensorboard", "terminal"),
    },
    "looks": {
        *("config", "errors", "lightning_private", "loggers", "project", "record"),
        *("report", "tasks", "tensorboard", "terminal"),
    },
    "config": {
        *("data", "errors", "metric_directions", "nets", "optim", "processes", "project"),
        *("record", "speed", "tasks", "terminal"),
    },
    "runs": {
        *("callbacks", "config", "data", "errors", "files", "loggers", "metric_directions"),
        *("nets", "optim", "processes", "project", "record", "report", "tasks", "terminal"),
        *("lightning_private", "looks", "speed", "tensorboard"),
    },
    "sweep": {
        *("callbacks", "config", "errors", "files", "processes", "project", "record"),
        *("report", "runs", "terminal"),
        "speed",
    },
    "demo": {"data", "errors", "runs", "speed", "tasks"},
    "new": {"config", "errors", "project"},
    "cli": {
        *("config", "demo", "errors", "processes", "project", "record", "report", "runs"),
        *("new", "sweep", "terminal"),
        "speed",
    },
    "__main__": {"cli"},
    "__init__": {"runs"},
}
"""The parts of the package, a module or a folder each, and what each may know of the others."""

FILES = sorted(
    path for path in SOURCE.rglob("*.py") if (SOURCE / "new" / "kinds") not in path.parents
)
"""All but what a new study begins with, which is that study's."""

VERBS = [file for file in sorted((SOURCE / "cli").glob("*.py")) if file.stem != "shell"]


def part(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides its arrow"
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            if module.split(".")[0] == "seedbed":
                yield [*module.split("."), "__init__"][1]


def loaded_by(code: str) -> set[str]:
    """The names of all modules after `code` has run in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_module_imports_only_the_parts_its_own_may_know(path: Path) -> None:
    assert set(imported_parts(path)) - {part(path)} <= MAY_IMPORT[part(path)]


def test_every_part_imports_only_parts_that_cannot_import_it() -> None:
    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            for name in MAY_IMPORT[waiting.pop()] - found:
                found.add(name)
                waiting.append(name)
        return found

    assert [name for name in MAY_IMPORT if name in reached(name)] == []


def test_package_loads_neither_torch_nor_lightning_nor_hydra() -> None:
    assert not loaded_by("import seedbed") & {"torch", "lightning", "hydra"}


def test_train_script_and_command_load_no_torch_before_they_run() -> None:
    loaded = loaded_by("import train, seedbed.cli.main")
    assert {"seedbed.config.compose", "seedbed.cli.shell", "seedbed.cli.main"} <= loaded
    assert not loaded & {"torch", "lightning"}


@pytest.mark.parametrize("path", VERBS, ids=lambda path: path.stem)
def test_command_imports_torch_only_quickly(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    withs = [node for node in ast.walk(tree) if isinstance(node, ast.With)]
    quick = {node for block in withs for node in ast.walk(block)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    slow = [ast.unparse(node) for node in imports if node not in quick]
    assert not loaded_by("\n".join(slow)) & {"torch", "lightning"}


def test_report_needs_no_torch_and_loads_matplotlib_only_to_draw() -> None:
    loaded = loaded_by("import seedbed.report.write, seedbed.report.picture")
    assert "seedbed.report.curves" in loaded
    assert not loaded & {"torch", "lightning", "matplotlib", "jinja2"}


# --- quick imports --------------------------------------------------------------------------------


def test_collector_is_off_while_modules_are_imported_and_on_again_after_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("seedbed.fast.deferred.names_of", {})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    seen = []

    def importing() -> None:
        with quick_imports():
            seen.append(gc.isenabled())
            raise ImportError

    with pytest.raises(ImportError):
        importing()
    gc.unfreeze()
    assert [*seen, gc.isenabled()] == [False, True]


STEP = """
import sys
from seedbed.fast.imports import quick_imports
with quick_imports():
    import seedbed.runs.execute
import torch
net = torch.nn.Linear(2, 1)
optimizer = torch.optim.Adam(net.parameters())
def step():
    optimizer.zero_grad()
    net(torch.ones(3, 2)).sum().backward()
    optimizer.step()
step()
"""
"""A run's imports, and a step of an optimizer."""

LARGE = {
    *("torch._dynamo.eval_frame", "sympy", "triton", "matplotlib", "scipy.signal.windows"),
    "torchvision",
}
"""What takes long to import, by one module each."""


def test_what_a_run_may_never_use_is_not_imported() -> None:
    loaded = loaded_by(STEP)
    assert {"torch", "lightning", "torchmetrics", "scipy"} <= loaded
    assert not loaded & LARGE


@pytest.mark.parametrize(
    "use",
    [
        """
compiled = torch.compile(net, backend="eager")
assert torch.equal(compiled(torch.ones(3, 2)), net(torch.ones(3, 2)))
from lightning.pytorch.utilities.compile import OptimizedModule
assert isinstance(compiled, OptimizedModule) and not isinstance(net, OptimizedModule)
step()
""",
        """
import torch._dynamo.utils
inside = {n: m for n, m in sys.modules.items() if f"{n}.".startswith("torch._dynamo.")}
classes = [c for m in inside.values() for c in vars(m).values()
           if isinstance(c, type) and c.__module__ in inside]
assert classes
assert all(getattr(inside[c.__module__], c.__name__) is c for c in classes)
""",
        """
eager = []
def note():
    eager.append(not torch.compiler.is_compiling())
class Net(torch.nn.Module):
    @torch.compiler.disable
    def one(self):
        note()
    @torch.compiler.disable(recursive=False)
    def other(self):
        eager.append(not torch.compiler.is_compiling())
    def forward(self, x):
        self.one()
        self.other()
        return x + 1
torch.compile(Net(), backend="eager")(torch.ones(1))
assert eager == [True, True]
""",
        """
import torch._dynamo as alias
graphs = []
def backend(graph, inputs):
    graphs.append(graph)
    return graph.forward
def function(x):
    x = x + 1
    alias.graph_break()
    return x * 2
torch.compile(function, backend=backend)(torch.ones(1))
assert len(graphs) == 2
""",
        """
from torchmetrics.classification import BinaryROC, MulticlassConfusionMatrix
for metric in BinaryROC(), MulticlassConfusionMatrix(2):
    metric.update(torch.tensor([0.0, 1.0, 1.0]), torch.tensor([0, 1, 1]))
    figure, axes = metric.plot()
    assert type(figure).__module__ == "matplotlib.figure"
""",
        """
from lightning import LightningModule
from lightning.pytorch.utilities.model_summary import ModelSummary
class Module(LightningModule):
    def __init__(self):
        super().__init__()
        self.net, self.example_input_array = net, torch.ones(3, 2)
    def forward(self, inputs):
        return self.net(inputs)
assert ModelSummary(Module()).total_flops == 2 * 3 * 2 * 1
""",
        """
from torchmetrics.detection import IntersectionOverUnion
from torchmetrics.functional.detection import intersection_over_union
box, label = torch.tensor([[0.0, 0.0, 2.0, 2.0]]), torch.tensor([0])
assert intersection_over_union(box, box / 2) == 0.25
metric = IntersectionOverUnion()
metric.update([{"boxes": box, "labels": label}], [{"boxes": box / 2, "labels": label}])
assert metric.compute()["iou"] == 0.25
""",
        """
import scipy.signal
assert scipy.signal.get_window("hamming", 8).size == 8
""",
    ],
    ids=[
        "compiler",
        "inside the compiler",
        "not compiled",
        "graph break",
        "plot",
        "count of operations",
        "measures of images",
        "signal processing",
    ],
)
def test_what_was_not_imported_works_where_it_is_used(use: str) -> None:
    subprocess.run([sys.executable, "-c", STEP + use], check=True, timeout=300)


def test_what_was_imported_before_stays() -> None:
    code = f"""
import scipy.signal, torch._dynamo
real = scipy.signal, torch._dynamo
{STEP}
assert (sys.modules["scipy.signal"], sys.modules["torch._dynamo"]) == real
assert all(type(module).__name__ == "module" for module in real)
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
