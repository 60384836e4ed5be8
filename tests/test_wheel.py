"""The wheel, in an environment of its own and from any folder: verbs, configurations, a fit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from copied import tracked

BUILD = ("-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir")


def call(folder: Path, *words: str | Path) -> str:
    hidden = ("PYTHONPATH", "SEEDBED_PROJECT")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [*map(str, words)], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_wheel_works_in_an_environment_of_its_own(tmp_path: Path) -> None:
    project = tracked(tmp_path / "project")
    call(project, sys.executable, *BUILD, tmp_path, project)
    [wheel] = tmp_path.glob("*.whl")
    call(tmp_path, sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(call(tmp_path, python, "-c", code).strip())
    own = f"{[path for path in sys.path if path.endswith('site-packages')]!r}"
    call(tmp_path, sys.executable, "-m", "zipfile", "-e", wheel, site)
    # Beside it the packages that the tests have, and nothing of the checkout.
    (site / "others.pth").write_text(f"import sys; sys.path.extend({own})\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    where = call(elsewhere, python, "-c", "import seedbed.project as p; print(p.ROOT)")
    assert Path(where.strip()).is_relative_to(site)
    seedbed = (python, "-m", "seedbed")
    assert "compare" in call(elsewhere, *seedbed, "--help")
    table = elsewhere / "t.csv"
    table.write_text("a,b\n" + "".join(f"{n},{2 * n + 1}\n" for n in range(40)))
    study = ("experiment=table", f"data.path={table}", "data.target=b")
    assert "ok: a batch of" in call(elsewhere, *seedbed, "check", *study)
    code = f"import seedbed; print(seedbed.run({[*study, 'max_epochs=2']!r}).directory.path)"
    run = elsewhere / call(elsewhere, python, "-c", code).splitlines()[-1]
    assert run.is_relative_to(elsewhere / "logs")
    assert "test/loss" in call(elsewhere, *seedbed, "evaluate", run, "--split", "test")
    names = {path.stem for path in (site / "seedbed/conf/experiment").iterdir()}
    assert {"none", "table", "text", "images"} <= names
    assert not {"line", "exam", "mnist", "poem_gpt"} & names
