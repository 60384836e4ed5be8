import subprocess
import sys

import pytest

STEP = """
import sys
from seedbed.imports import quick_imports
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

INSIDE = "torch._dynamo.eval_frame"
"""What the compiler, when it is imported, imports too."""


def after_a_step(code: str) -> None:
    subprocess.run([sys.executable, "-c", f"{STEP}{code}"], check=True, timeout=300)


def test_a_step_of_an_optimizer_and_a_look_at_all_modules_do_not_bring_the_compiler() -> None:
    after_a_step(f"""
import inspect
inspect.stack()
assert not any(hasattr(module, "__file__") for name, module in sys.modules.items()
               if name.startswith("torch._dynamo"))
assert {INSIDE!r} not in sys.modules and "sympy" not in sys.modules
""")


@pytest.mark.parametrize(
    "wanted",
    [
        "torch._dynamo.reset",
        "import torch._dynamo.utils",
        "from torch._dynamo.backends.registry import list_backends",
        "torch.compile(net, backend='eager')",
    ],
)
def test_whatever_else_is_asked_for_brings_the_compiler_and_imports_nothing_twice(
    wanted: str,
) -> None:
    after_a_step(f"""
from lightning.pytorch.utilities.compile import OptimizedModule
assert {INSIDE!r} not in sys.modules
{wanted}
assert {INSIDE!r} in sys.modules
assert torch._dynamo is sys.modules["torch._dynamo"]
inside = {{n: m for n, m in sys.modules.items() if f"{{n}}.".startswith("torch._dynamo.")}}
classes = [c for m in inside.values() for c in vars(m).values()
           if isinstance(c, type) and c.__module__ in inside]
assert len(classes) > 1000
assert all(getattr(inside[c.__module__], c.__name__) is c for c in classes)
assert all(m.__spec__.origin == m.__file__ for m in inside.values())
assert not any(type(finder).__module__.startswith("seedbed") for finder in sys.meta_path)
compiled = torch.compile(net, backend="eager")
assert torch.equal(compiled(torch.ones(3, 2)), net(torch.ones(3, 2)))
assert isinstance(compiled, OptimizedModule) and not isinstance(net, OptimizedModule)
step()
""")


def test_a_module_that_the_compiler_does_not_have_is_said_to_be_missing() -> None:
    after_a_step("""
try:
    import torch._dynamo.no_such_module
except ModuleNotFoundError as error:
    assert error.name == "torch._dynamo.no_such_module", error.name
else:
    raise AssertionError
""")


def test_a_compiler_that_was_imported_before_stays() -> None:
    code = f"import torch._dynamo\nreal = torch._dynamo\n{STEP}assert torch._dynamo is real"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
