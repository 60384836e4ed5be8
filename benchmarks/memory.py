"""What a poem training step needs in memory, as shipped and with the logits of all characters.

    python -m benchmarks.memory shipped|logits

takes three steps and prints by how many bytes they raised what the process had, at the most. That
leaves out the interpreter, the libraries and the net, and, by a step on one short window before,
what torch imports late.
"""

import resource
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from benchmarks.lines import Line, Measured, at_most, cost
from benchmarks.timing import child, interleaved

VOCABULARY = 8_548
CONTEXT = 256
BATCH = 32
STATUS = Path("/proc/self/status")


def raised_by(work: Callable[[], object]) -> int:
    """By how many bytes some work raises what this process has, at the most."""
    if not STATUS.exists():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
        work()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    Path("/proc/self/clear_refs").write_text("5")  # forgets the most so far
    before = _status("VmRSS")
    work()
    return _status("VmHWM") - before


def _status(name: str) -> int:
    (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def raised_by_steps(way: str) -> int:
    """Train the poem GPT for three steps on the lesson's poems, its loss computed one way."""
    from seedbed.config.build import build, build_optimizer
    from seedbed.config.compose import composed, plain
    from seedbed.tasks.base import net_of

    plainly = ["net.cutoffs=null"] if way == "logits" else []
    poems = ["experiment=poem_gpt", "data=poems_tutorial", f"data.batch_size={BATCH}"]
    with TemporaryDirectory() as folder:
        config = plain(composed([*poems, *plainly]))
        study = build(config, Path(folder))
    net: Any = net_of(study.task)
    data: Any = study.datamodule
    optimizer = build_optimizer(config, net)
    assert data.sizes == {"vocabulary_size": VOCABULARY, "context": CONTEXT}
    windows = list(islice(data.train_dataloader(), 3))

    def step(inputs: Tensor, targets: Tensor) -> None:
        if way == "logits":
            loss = F.cross_entropy(net(inputs).flatten(0, 1), targets.flatten())
        else:
            loss = net.loss(inputs, targets)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def steps() -> None:
        for inputs, targets in windows:
            step(inputs, targets)

    inputs, targets = windows[0]
    step(inputs[:1, :8], targets[:1, :8])
    return raised_by(steps)


def peaks() -> Measured:
    """Both ways, a process each."""

    def way(name: str) -> float:
        return float(child("benchmarks.memory", name)) / 2**20

    pairs = interleaved(lambda: way("shipped"), lambda: way("logits"), pairs=3, warm_up=False)
    return cost(pairs, "MiB", "beyond what the process had before it")


LINES = (
    Line(
        name="memory",
        experiment="poem_gpt",
        what="peak memory of a poem training step, vocabulary 8,548, 32 × 256 tokens",
        baseline="the same blocks with a plain head, its loss of all logits",
        target=at_most(0.5),
        measure=peaks,
        minutes=0.8,
    ),
)

if __name__ == "__main__":
    print(raised_by_steps(sys.argv[1]))
