import math
import mmap
from pathlib import Path

import pytest
import torch

from benchmarks import __main__ as bench
from benchmarks import corpora, limits, page, processes, results, scaling
from benchmarks.lines import Line, Measured, at_least, at_most, cost, speed
from benchmarks.memory import raised_by
from benchmarks.timing import interleaved, python, ratio, speedup
from seedbed.nets.gpt import GPT
from seedbed.record.directory import write_json

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
    around |= {"versions": "torch 9", "commit": "abc"}
    results.keep("first", cost(PAIRS, "s"), around)
    results.keep("third", Measured(math.inf, "tried"), around)
    record = {
        "time": "2026-01-01T09:00:00",
        "hardware": {"processor": "P"},
        "threads": 1,
        "versions": {"python": "3", "torch": "8", "lightning": "2", "hydra-core": "1"},
        "git": {"commit": "123456789abc", "diff": "a change", "untracked": {}},
    }
    before = Measured(0.4, "two seeds", circumstances=results.circumstances(record))
    results.keep("fourth", before, around)
    page.write([line(name, Measured(1)) for name in ("first", "second", "third", "fourth")])
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    first = (
        "| the first | another | **0.500** | ≤ 0.5 | yes | 2 against 4 s, 3 pairs; 0.250 to 7.500 |"
    )
    assert first in text
    assert "| the third | another | **not reached** | ≤ 0.5 | no | tried |" in text
    trained = "| the fourth | another | **0.400** | ≤ 0.5 | yes | two seeds |"
    assert f"{trained} P, 1 thread | 2026-01-01 09:00, –, 123456789+ |" in text
    assert "second" not in text
    assert "| M, 2 threads | 2026-01-02 03:04, 0.2, abc |" in text
    assert "\ntorch 9  \npython 3, torch 8, lightning 2, hydra-core 1\n" in text
    assert "##" not in text
    assert (tmp_path / "results.png").stat().st_size > 0


def test_growth_is_reported_and_drawn_once_it_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path)
    for module in (page, scaling, corpora, processes):
        monkeypatch.setattr(module, "HERE", tmp_path)
    around = {"date": "2026-01-02T03:04:05", "load": 0.25, "machine": "M", "threads": 2}
    one = {"rate": 8.0, "limit": 16.0, "mebibytes": 7.0, "matrix_gigaflops": 100.0}
    curves = {name: [one] * len(values) for name, values in scaling.GROWN.items()}
    write_json(tmp_path / "scaling.json", {"curves": curves} | around)
    loaded = one | {"poems": 9, "characters": 1234, "vocabulary": 5, "bytes": 2048}
    made, read = loaded | {"seconds": 16.0}, loaded | {"seconds": 0.25}
    found = {name: [made, read] for name in corpora.CORPORA}
    write_json(tmp_path / "corpora.json", {"corpora": found} | around)
    thrice = ([1.0, 2.0, 4.0], [1.0, 1.0, 1.0], [2.0, 3.0, 8.0])
    rates = dict(zip(processes.WAYS, thrice, strict=True))
    recorded = {"rates": rates, "limits": {"1": 6.0, "2": 6.0}}
    write_json(tmp_path / "processes.json", recorded | around)
    page.write([])
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| depth | 1: 8 (50%), 7; 2: 8 (50%), 7;" in text
    assert "| tang, song | 9 | 1,234 | 5 | 16.0 s, 7 MiB | 0.25 s, 7 MiB | 8 (50%) |" in text
    assert "| two processes of one thread each | 3 (50%) | 2.00 |" in text
    for name in ("scaling", "corpora", "processes"):
        assert f"({name}.png)" in text
        assert (tmp_path / f"{name}.png").stat().st_size > 0


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


def test_wrong_name_is_reported_with_those_there_are() -> None:
    with pytest.raises(SystemExit, match=r"strat: no such line; there is .*start\.help"):
        bench.chosen(["strat"])


def test_operations_count_each_matrix_of_the_net_and_the_positions_that_are_seen() -> None:
    net = GPT(vocabulary_size=1000, context=3, depth=2, width=64)
    block = 12 * 64**2  # query, key, value, project: 4; expand and project: 4 each
    seen = (1 + 2 + 3) / 3
    expected = 6 * (2 * (block + 2 * seen * 64) + 1000 * 64)
    assert limits.operations(net, torch.ones(1000)) == expected


def test_cluster_counts_as_often_as_a_token_lies_in_it() -> None:
    net = GPT(vocabulary_size=10, context=1, depth=1, width=32, cutoffs=[4, 6])
    whole = GPT(vocabulary_size=6, context=1, depth=1, width=32)  # four tokens and two clusters
    counts = torch.tensor([0, 0, 5, 5, 10, 10, 20, 20, 20, 10])
    extra = limits.operations(net, counts) - limits.operations(whole, torch.ones(6))
    two, four = 32 * 16 + 16 * 2, 32 * 8 + 8 * 4  # weights of the clusters of two and four tokens
    assert extra == pytest.approx(6 * (0.2 * two + 0.1 * four), rel=1e-6)
