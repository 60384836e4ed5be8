import math
import mmap
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import corpora, page, processes, results, scaling
from benchmarks.lines import Line, Measured, at_least, at_most, cost, speed
from benchmarks.memory import raised_by
from benchmarks.timing import interleaved, python, ratio, speedup
from seedbed.nets.gpt import GPT
from seedbed.runs.directory import write_json

PAIRS = [(1.0, 4.0), (2.0, 4.0), (30.0, 4.0)]


def test_figure_is_the_median_of_the_pairs_ratios() -> None:
    assert ratio(PAIRS) == 0.5
    assert speedup(PAIRS) == 2.0


def test_both_take_turns_and_each_second_pair_runs_the_other_way_round() -> None:
    calls: list[str] = []

    def work(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    pairs = interleaved(lambda: work("a"), lambda: work("b"), pairs=2)
    assert "".join(calls) == "ababba"
    assert pairs == [(3.0, 4.0), (6.0, 5.0)]


def test_process_that_fails_is_not_timed() -> None:
    with pytest.raises(RuntimeError, match="ended with 3"):
        python("-c", "raise SystemExit(3)")()


@pytest.mark.parametrize(
    ("target", "figure", "met"),
    [
        (at_most(0.5), 0.5, True),
        (at_most(0.5), 0.51, False),
        (at_most(0.5), math.inf, False),
        (at_least(6), 6.0, True),
        (at_least(6), 5.9, False),
    ],
)
def test_target_is_met_up_to_its_limit(target: object, figure: float, met: bool) -> None:
    assert target.met_by(figure) is met  # type: ignore[attr-defined]


def line(name: str, measured: Measured) -> Line:
    return Line(name, f"the {name}", "another", at_most(0.5), lambda: measured, minutes=1)


def test_page_has_the_lines_that_were_measured_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    for module in (page, scaling):
        monkeypatch.setattr(module, "HERE", tmp_path)
    around = {"date": "2026-01-02T03:04:05", "load": 0.25, "machine": "M", "threads": 2}
    around |= {"versions": "torch 9"}
    results.keep("first", cost(PAIRS, "s"), around)
    results.keep("third", Measured(math.inf, "tried"), around)
    page.write([line(name, Measured(1)) for name in ("first", "second", "third")])
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| the first | another | **0.500** | ≤ 0.5 | yes | 2 against 4 s, 3 pairs |" in text
    assert "| the third | another | **not reached** | ≤ 0.5 | no | tried |" in text
    assert "second" not in text
    assert "| M, 2 threads | 2026-01-02 03:04, 0.2 |" in text
    assert "\ntorch 9\n" in text
    assert "##" not in text
    assert (tmp_path / "results.png").stat().st_size > 0


def test_page_has_the_corpora_and_the_processes_once_they_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    around = {"date": "2026-01-02T03:04:05", "load": 0.25, "threads": 2}
    loaded = {"poems": 9, "characters": 1234, "vocabulary": 5, "mebibytes": 7.0, "rate": 8.0}
    one, other = loaded | {"seconds": 16.0}, loaded | {"seconds": 0.25}
    write_json(tmp_path / "corpora.json", {"corpora": {"tang,song": [one, other]}} | around)
    rates = {"one process of one thread": [1.0, 2.0, 4.0], "two": [2.0, 3.0, 8.0]}
    write_json(tmp_path / "processes.json", {"rates": rates} | around)
    told = corpora.section() + processes.section()
    assert "| tang, song | 9 | 1,234 | 5 | 16.0 s, 7 MiB | 0.25 s, 7 MiB | 8 |" in told
    assert "| two | 3 | 2.00 |" in told


def touch(size: int) -> None:
    """Have so many bytes from the system itself, which no freed ones can stand in for."""
    with mmap.mmap(-1, size) as memory:
        memory[:: mmap.PAGESIZE] = bytes(size // mmap.PAGESIZE)


def test_memory_is_that_of_the_work_alone() -> None:
    touch(64 * 2**20)
    raised = raised_by(lambda: touch(32 * 2**20))
    assert 30 * 2**20 < raised < 40 * 2**20


def test_speed_tells_what_both_took() -> None:
    assert speed([(0.01, 4.0)], "s").detail == "0.01 against 4 s, 1 pairs"


def test_names_mean_a_line_or_a_group() -> None:
    def names(*words: str) -> list[str]:
        return [one.name for one in bench.chosen([*words])[0]]

    assert names("start.help") == ["start.help"]
    assert names("start") == ["start.cfg", "start.help", "start.line"]
    assert "poem.long" not in names()
    assert "poem.long" in names("all")
    assert bench.chosen(["corpora", "start"])[1] == ["corpora"]
    assert bench.chosen([])[1] == ["scaling", "corpora", "processes"]


def test_wrong_name_is_told_with_those_there_are() -> None:
    with pytest.raises(SystemExit, match=r"strat: no such line; there is .*start\.help"):
        bench.chosen(["strat"])


def test_operations_count_each_matrix_of_the_net() -> None:
    net = GPT(vocabulary_size=1000, context=1, depth=2, width=64)
    matrices = [p for name, p in net.named_parameters() if name != "token_embedding.weight"]
    weights = sum(p.numel() for p in matrices)
    itself = 2 * 2 * 64  # with one position, each block's two products are with itself
    assert scaling.operations(width=64, depth=2, context=1, vocabulary=1000) == 6 * (
        weights + itself
    )
