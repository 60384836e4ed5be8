"""`python train.py --help` is a page to begin with."""

import pytest
from copied import called
from stub_project import PROJECT

from seedbed.cli.main import app
from seedbed.config.compose import composed
from seedbed.config.help_page import COMMON


@pytest.fixture(scope="module")
def page() -> str:
    return called(PROJECT, "train.py", "--help")


def test_page_names_each_choice_and_each_verb(page: str) -> None:
    words = {word.strip(",.") for word in page.split()}
    options = {path.stem for path in (PROJECT / "conf").glob("*/*.yaml")}
    verbs = [command for command in app.registered_commands if not command.hidden]
    named = {verb.callback.__name__.replace("_", "-") for verb in verbs if verb.callback}
    assert options | named | {"new"} <= words


def test_page_says_what_an_experiment_is_and_what_to_type_first(page: str) -> None:
    lines = page.splitlines()
    assert "  python train.py experiment=dots " in next(line for line in lines if "python" in line)
    assert any(line.split()[:1] == ["dots"] and len(line.split()) > 3 for line in lines)
    assert max(map(len, lines)) <= 100
    assert "_target_" not in page


def test_common_settings_are_settings() -> None:
    config = composed([])
    for typed, _ in COMMON:
        assert typed.partition("=")[0].partition(".")[0] in config
