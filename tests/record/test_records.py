"""Records that are damaged, or a stranger's: each is reported, and none hides another."""

import json
import os
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest
import yaml
from copied import python
from fixtures import MakeRun
from made import settings

from seedbed.errors import RunError
from seedbed.record.directory import RunDirectory
from seedbed.record.files import read_settings
from seedbed.record.run import find_runs
from seedbed.runs.table import as_text, lines

LONG = "1" + "0" * 400
STARTED = '{"state": "finished", "started": %s}'
BOMB = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
)
MERGED = "a: &a {k: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 10)}]}}\n"
    for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
)

MALFORMED = [
    ("config.yaml", "a: &a [*a]", "levels deep"),
    ("config.yaml", "a: &a {b: *a}", "levels deep"),
    ("config.yaml", BOMB, "more than 1,000,000 values"),
    ("config.yaml", "a: " + "[" * 200_000, "levels deep"),
    ("config.yaml", "a:\n" + "- " * 200_000, "levels deep"),
    ("config.yaml", "when: 2026-01-31", "expected numbers and texts"),
    ("config.yaml", "? [1, 2]\n: 3", "unhashable key"),
    ("config.yaml", "a: !!python/object/apply:os.system [id]", "could not determine a constructor"),
    ("config.yaml", f"a: 1{LONG * 12}", "more than 1,000 characters"),
    ("config.yaml", MERGED, "found <<"),
    ("config.yaml", "a: 1" + ":1" * 500_000, "more than 1,000 characters"),
    ("config.yaml", "a: 1" + ":1" * 200 + ".5", "int too large"),
    ("config.yaml", "a: !!int ''", "string index out of range"),
    ("config.yaml", "a: !!bool maybe", "'maybe'"),
    ("config.yaml", "a: !!timestamp now", "cannot be read"),
    ("config.yaml", "a: \x1b", "control characters are not allowed"),
    ("config.yaml", b"a: \xe9", "can't decode"),
    ("status.json", f'{{"a": 1{LONG * 12}}}', "Exceeds the limit"),
    ("status.json", "[" * 100_000, "recursion"),
    ("status.json", "[]", "expected values by name"),
    ("status.json", '{"a": ' + "[" * 200 + "]" * 200 + "}", "levels deep"),
    ("status.json", '{"state": ["finished"]}', "state: expected str, got ['finished']"),
    ("status.json", STARTED % "[2026]", "started: expected str"),
    ("status.json", STARTED % '"0001-01-01T00:00:00"', "Invalid time"),
    ("status.json", STARTED % '"9999-12-31T23:59:59-14:00"', "Invalid time"),
    ("status.json", STARTED % '"yesterday"', "Invalid isoformat"),
    ("status.json", '{"state": "failed", "error": 1}', "error: expected str"),
    ("provenance.json", '{"git": {"commit": 12}}', "git: cannot be read (commit: expected str"),
    ("provenance.json", '{"git": "abc"}', "git: expected dict"),
    ("provenance.json", '{"command": {"a": 1}}', "command: expected list"),
    ("metrics.json", f'{{"val/loss": {LONG}}}', "too large"),
    ("metrics.json", '{"val/loss": [1]}', "cannot be read"),
    ("metrics.json", json.dumps({"n" * 301: 1}), "names of 300 characters"),
    ("metrics.csv", "step,val/loss\nnan,1\n", "step nan in row 1"),
    ("metrics.csv", "step,val/loss\n1,1\ninf,1\n", "step inf in row 2"),
    ("metrics.csv", "step,val/loss\n-1,1\n", "step -1.0"),
    ("metrics.csv", "step,val/loss\n1.5,1\n", "step 1.5"),
    ("metrics.csv", "step,val/loss\n,1\n", "step None"),
    ("metrics.csv", "step,epoch,val/loss\n1,nan,1\n", "epoch nan"),
    ("metrics.csv", "a,b\n1,2\n", "it has no column step"),
    ("metrics.csv", f"step,val/loss\n1{LONG},1\n", "step inf"),
    ("metrics.csv", "step,val/loss\n1,low\n", "could not convert"),
    ("metrics.csv", b"\xff", "can't decode"),
    ("metrics.csv", f"step,{'x' * 200_000}\n", "field larger"),
    ("metrics.csv", ",".join(map(str, range(10_001))), "at most 10,000 names"),
]
"""A file, what it holds, and what is said of it."""


def malformed(make_run: MakeRun, name: str, content: str | bytes) -> tuple[Path, Path]:
    """A good run, and one of whose files one is malformed."""
    good, bad = make_run("good", [3.0, 2.0]), make_run("odd", [1.0, 0.5])
    (bad / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return good, bad


@pytest.mark.parametrize(("name", "content", "reason"), MALFORMED)
def test_malformed_file_is_reported_and_hides_no_other_run(
    name: str,
    content: str | bytes,
    reason: str,
    make_run: MakeRun,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good, bad = malformed(make_run, name, content)
    first, second = lines(good.parent, sort="name")
    assert (first.name, first.state, second.name, second.state) == (
        *("good", "finished"),
        *("odd", "unreadable"),
    )
    assert str(bad / name) in str(second.problem)
    assert reason in str(second.problem)
    assert [run.path for run in find_runs([good.parent])] == [good]
    assert f"left out: {bad / name}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("predictions.csv", "input,target\n1,2\n", "a row has no prediction"),
        ("robustness.csv", "noise\n1\n", "a row has no accuracy"),
        ("metrics.csv", "step,val/loss,val/mae\n1,1,low\n", "could not convert"),
    ],
)
def test_what_only_a_report_shows_hides_its_run_there_alone(
    name: str,
    content: str,
    reason: str,
    make_run: MakeRun,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good, bad = malformed(make_run, name, content)
    assert [line.state for line in lines(good.parent)] == ["finished", "finished"]
    assert [run.path for run in find_runs([good.parent])] == [good]
    assert f"left out: {bad / name}: cannot be read ({reason}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["config.yaml", "status.json", "provenance.json", "metrics.csv"])
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "link to itself", "too large"])
def test_only_a_regular_file_of_bounded_size_is_opened(
    kind: str, name: str, make_run: MakeRun
) -> None:
    good, bad = malformed(make_run, name, "")
    file = bad / name
    file.unlink()
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "folder":
            file.mkdir()
        case "link to itself":
            file.symlink_to(file)
        case "too large":
            with file.open("wb") as opened:
                opened.truncate(2**40)
    assert [line.state for line in lines(good.parent, sort="name")] == ["finished", "unreadable"]
    run = RunDirectory(bad)
    for read in {"config.yaml": [run.config], "status.json": [run.status, run.state]}.get(name, []):
        with pytest.raises(RunError, match=f"{name}: cannot be read"):
            read()


def test_run_of_another_clock_started_in_the_future(make_run: MakeRun) -> None:
    folder = make_run("odd", [1.0])
    (folder / "status.json").write_text(STARTED % '"2099-01-01T00:00:00+00:00"')
    assert as_text(lines(folder)).splitlines()[1].split() == [
        *("odd", "finished", "val/loss", "1.0000", "0", "future", "–", "seed=1")
    ]


def test_settings_are_read_as_yaml_reads_them(tmp_path: Path) -> None:
    for text in (
        "a: 1\nb:\n  c: [1, 2]\n  d: x\n",
        "a:\n- 1\n- b: 2\n# x\nc: 3\n",
        "a: [1,\n2]\nb: 1\n",
        "a: &x {b: 1}\nc: *x\n",
        "a: 'x\n\n  y'\nb: |\n  text: 1\n\n  more\nc: null\n",
        '"a b": 1\n? c\n: 2\nd: 3\n',
        "# a comment\n---\na: 1\na: 2\n",
        "{a: 1, b: {c: 2}}\n",
    ):
        (tmp_path / "config.yaml").write_text(text)
        nested = yaml.safe_load(text)
        assert read_settings(tmp_path / "config.yaml") == {
            f"{name}.{inner}" if inner else name: value
            for name, node in nested.items()
            for inner, value in (node.items() if isinstance(node, dict) else [("", node)])
        }


LIMITED = """
import resource, sys
from pathlib import Path
import matplotlib.figure, matplotlib.backends.backend_agg, jinja2
from seedbed.cli.main import main
from seedbed.report.write import write_report
if sys.argv[1] not in ("runs", "compare"):
    from seedbed.fast.imports import quick_imports
    with quick_imports():
        from seedbed.runs import evaluate, generate, predict, reproduce, resume, view
        import seedbed.looks.page, seedbed.runs.load
pages = int(Path("/proc/self/statm").read_text().split()[0])
most = pages * resource.getpagesize() + 2**30
resource.setrlimit(resource.RLIMIT_AS, (most, most))
used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
resource.setrlimit(resource.RLIMIT_CPU, (int(used) + 11, int(used) + 12))
sys.argv = ["seedbed", *sys.argv[1:]]
main()
"""
"""A command with 1 GiB and 10 s beyond what its imports take."""

EXPENSIVE: dict[str, tuple[str, str]] = {
    "aliases": ("config.yaml", BOMB),
    "many settings": ("config.yaml", "a: {" + "".join(f"k{k}: , " for k in range(99_000)) + "}"),
    "small lists": ("config.yaml", "a: [" + "[]," * 340_000 + "]"),
    "long name": ("config.yaml", f"monitor: val/loss\nmode: min\nexperiment_name: {'x' * 10**6}"),
    "long label": ("config.yaml", f"monitor: val/loss\nmode: min\nnet: {'x y ' * 250_000}"),
    "small objects": ("status.json", '{"a": [' + "{}," * 5_500_000 + "{}]}"),
    "long error": ("status.json", json.dumps({"state": "failed", "error": "x" * 16_000_000})),
    "deep": ("provenance.json", "[" * 16_000_000),
    "many metrics": ("metrics.json", json.dumps({f"val/{k}": 1 for k in range(900_000)})),
    "small rows": ("metrics.csv", "step,\n" + "1,\n" * 20_000_000),
    "wide rows": ("metrics.csv", ",".join("abcdefgh") + "\n" + ",".join("1" * 9_000_000)),
    "wide values": ("metrics.csv", "step,val/loss\n" + "1,1e300\n2,-1e300\n" * 900_000),
    "wide batches": ("batches.csv", "step,loss\n" + "1,1e300\n2,-1e300\n" * 900_000),
    "many layers": (
        "layers.csv",
        "\n".join(
            ["step," + ",".join(f"gradient/{k}" for k in range(9_999))]
            + [f"{step}" + ",1" * 9_999 for step in range(300)]
        ),
    ),
    "wide points": ("predictions.csv", "input,target,prediction\n1,2,1e308\n2,-1e308,1\n" * 1),
}
"""What would take long or much, if nothing stopped it."""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits a process by Linux's means")
@pytest.mark.parametrize("attack", EXPENSIVE)
def test_tables_of_expensive_records_end_within_their_limits(
    attack: str, make_run: MakeRun, tmp_path: Path
) -> None:
    name, content = EXPENSIVE[attack]
    good, _ = malformed(make_run, name, content)
    for verb, words in (("runs", []), ("compare", ["--metric", "val/loss", "--out", tmp_path])):
        done = limited(verb, good.parent, *words)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        assert {"runs": "good ", "compare": "report: "}[verb] in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits a process by Linux's means")
@pytest.mark.parametrize("attack", EXPENSIVE)
def test_page_of_expensive_records_ends_within_its_limits(attack: str, make_run: MakeRun) -> None:
    name, content = EXPENSIVE[attack]
    _, bad = malformed(make_run, name, content)
    done = limited("report", bad)
    assert done.returncode == 0 or (name, done.returncode) == ("config.yaml", 2), done.stderr
    assert "Traceback" not in done.stderr
    assert (bad / "report.html").exists() == (done.returncode == 0)


def limited(*words: object) -> subprocess.CompletedProcess[str]:
    """A command within its limits."""
    return python("-c", LIMITED, *words)


REFUSED = {
    "aliases": f"{BOMB}",
    "deep": "a: " + "[" * 500_000,
    "many settings": "a: {" + "".join(f"k{k}: , " for k in range(99_000)) + "}",
    "small lists": "a: [" + "[]," * 330_000 + "]",
    "too large": "a: 1\n" * 300_000,
    "processes": "trainer: {strategy: ddp, devices: 100000}",
    "long number": f"seed: {LONG}",
    "many targets": "a: [" + "{_target_: os.system}," * 40_000 + "]",
}
"""What is wrong with a configuration, at great expense."""
VERBS = ("resume", "evaluate", "report", "reproduce", "generate", "predict")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits a process by Linux's means")
@pytest.mark.parametrize(
    ("attack", "verb"),
    sorted({*zip(REFUSED, cycle(VERBS)), *(("small lists", verb) for verb in VERBS)}),
)
def test_refusals_end_within_their_limits(verb: str, attack: str, tmp_path: Path) -> None:
    config = settings("experiment=dots")
    text = yaml.safe_dump(config) + REFUSED[attack]
    (tmp_path / "config.yaml").write_text(text)
    (tmp_path / "metrics.json").write_text("{}")
    (tmp_path / "new.csv").write_text("x\n1\n")
    done = limited(verb, tmp_path, *([tmp_path / "new.csv"] if verb == "predict" else []))
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    # What can be read of a run has a page, also where the rest is refused.
    assert done.returncode == (0 if (tmp_path / "report.html").exists() else 2), done.stderr
