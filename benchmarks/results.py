"""What was found: a JSON file a line, and the table that is made of all of them.

So a line can be measured again on its own; each keeps its date, its machine and how busy that was.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

import torch

from benchmarks.lines import Line, Measured, Target
from benchmarks.timing import Pair
from seedbed.record.directory import write_json
from seedbed.runs import provenance

HERE = Path(__file__).parent
RESULTS = HERE / "results"

Result = dict[str, Any]
"""A line's figure, detail and pairs, with the circumstances."""


def here() -> Result:
    """The circumstances of now, and the load of the last minute, before ours adds to it."""
    found = circumstances(provenance.of_process() | {"threads": torch.get_num_threads()})
    machine = f"{found['machine']} with {torch.backends.cpu.get_cpu_capability()}"
    return found | {"machine": machine, "load": round(os.getloadavg()[0], 2)}


def circumstances(record: dict[str, Any]) -> Result:
    """When, where and with what, of a run's record."""
    versions = record["versions"]
    names = ("python", "torch", "lightning", "hydra-core")
    changed = "+" if record["git"]["diff"] or record["git"]["untracked"] else ""
    return {
        "date": record["time"],
        "load": None,
        "machine": record["hardware"]["processor"],
        "threads": record["threads"],
        "versions": ", ".join(f"{name} {versions[name]}" for name in names),
        "commit": (record["git"]["commit"] or "")[:9] + changed,
    }


def keep(name: str, measured: Measured, around: Result) -> None:
    """Write a line's file, with its own circumstances, or else with these."""
    RESULTS.mkdir(exist_ok=True)
    found = {"figure": measured.figure, "detail": measured.detail, "pairs": measured.pairs}
    write_json(RESULTS / f"{name}.json", found | (measured.circumstances or around))


def kept(name: str) -> Result | None:
    """Read a line's file, or any other of them; None where there is none yet."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None


def figure_of(result: Result) -> float:
    """A line's figure; of one that was not reached, which JSON has as null, infinity."""
    return math.inf if result["figure"] is None else float(result["figure"])


def when(result: Result) -> str:
    """The day and minute it was measured."""
    return str(result["date"][:16].replace("T", " "))


def place_of(result: Result) -> str:
    """The machine, and on how many of its threads torch computed."""
    return f"{result['machine']}, {threads_of(result)}"


def threads_of(result: Result) -> str:
    """On how many threads torch computed."""
    return "1 thread" if result["threads"] == 1 else f"{result['threads']} threads"


def shown(figure: float, target: Target) -> str:
    """A figure as its target is written."""
    if math.isinf(figure):
        return "not reached"
    if "1/" in target.text:
        return f"1/{1 / figure:.1f}"
    if target.text.endswith("×"):
        return f"{figure:.2f}×" if figure < 10 else f"{figure:.0f}×"
    return f"{figure:.4f}" if figure < 1 and target.kind == "at least" else f"{figure:.3f}"


def spread(pairs: list[Pair], target: Target) -> str:
    """The lowest and the highest of the pairs' ratios; nothing where there are none."""
    ratios = [one / other for one, other in pairs]
    if target.kind == "at least":
        ratios = [1 / ratio for ratio in ratios]
    return f"{shown(min(ratios), target)} to {shown(max(ratios), target)}" if pairs else ""


def load_of(result: Result) -> str:
    """The load, which a run's record does not have."""
    return "–" if result["load"] is None else f"{result['load']:.1f}"


def table(lines: list[Line]) -> str:
    """All lines that have been measured, as Markdown."""
    rows = [
        "| what | beside | figure | target | met | measured | on | when, load, commit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for line in lines:
        if found := kept(line.name):
            figure = figure_of(found)
            cells = (
                line.what,
                line.baseline,
                f"**{shown(figure, line.target)}**",
                line.target.text,
                "yes" if line.target.met_by(figure) else "no",
                "; ".join(filter(None, [found["detail"], spread(found["pairs"], line.target)])),
                place_of(found),
                f"{when(found)}, {load_of(found)}, {found['commit']}",
            )
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def settings(lines: list[Line]) -> list[str]:
    """The versions that the lines were measured with; one, if all were with the same."""
    found = filter(None, (kept(line.name) for line in lines))
    return [*dict.fromkeys(one["versions"] for one in found)]
