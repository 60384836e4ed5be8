import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from seedbed.errors import SettingError
from seedbed.sweep.space import (
    Choice,
    Dimension,
    Interval,
    each_value,
    fixed,
    grid,
    job_key,
    space,
)


def dimensions(*overrides: str) -> tuple[Dimension, ...]:
    return space(OverridesParser.create().parse_overrides(list(overrides)))


def test_grid_is_every_combination_with_the_last_varying_fastest() -> None:
    points = grid(dimensions("optimizer=sgd,adam", "seed=range(1,4)"))
    assert [tuple(point.values()) for point in points] == [
        ("sgd", "1"),
        ("sgd", "2"),
        ("sgd", "3"),
        ("adam", "1"),
        ("adam", "2"),
        ("adam", "3"),
    ]


def test_what_does_not_vary_is_kept_as_it_was_written() -> None:
    parsed = OverridesParser.create().parse_overrides(
        ["net.hidden=[3, 4]", "a=1,2", "~callbacks.x"]
    )
    assert fixed(parsed) == ("net.hidden=[3, 4]", "~callbacks.x")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lr=1e-2,1", "lr=0.01,1"),
        ("lr=1,0.010", "lr=choice(1,1e-2)"),
        ("net='mlp','gpt'", "net=mlp,gpt"),
        ("hidden=[3, 4],[5]", "hidden=[3,4],[5]"),
        ("depth=range(1,4)", "depth=1,2,3"),
    ],
)
def test_two_spellings_of_a_value_have_one_key(one: str, other: str) -> None:
    keys = [[job_key(point, 0) for point in grid(dimensions(text))] for text in (one, other)]
    assert keys[0] == keys[1]


def test_key_does_not_depend_on_the_order_of_settings() -> None:
    first, second = {"a": "1", "b": "2"}, {"b": "2", "a": "1"}
    assert job_key(first, 0) == job_key(second, 0)


def test_value_given_twice_is_one_point() -> None:
    assert [*grid(dimensions("lr=0.1,1e-1,1"))] == [{"lr": "0.1"}, {"lr": "1"}]


def test_every_job_of_a_grid_has_a_key_of_its_own_that_is_a_folders_name() -> None:
    points = grid(dimensions("optimizer=sgd,adam", "data.path='a/b','a b'", "hidden=[1],[1,1]"))
    keys = [job_key(point, repeat) for point in points for repeat in range(3)]
    assert len(set(keys)) == len(keys) == 24
    assert not any(sign in key for key in keys for sign in "/ [],='\"")


def test_long_points_have_names_that_a_disk_takes() -> None:
    assert len(job_key({"net.hidden": "[" + "32," * 200 + "32]"}, 0)) < 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lr=interval(0,1)", Interval("lr", 0.0, 1.0, log=False)),
        ("lr=tag(log,interval(0.1,1))", Interval("lr", 0.1, 1.0, log=True)),
        ("n=int(interval(1,9))", Interval("n", 1, 9, log=False)),
        ("n=range(1,9,4)", Choice("n", ("1", "5"), ordered=True)),
        ("n=choice(1,9)", Choice("n", ("1", "9"))),
    ],
)
def test_hydras_sweeps_are_read(text: str, expected: Dimension) -> None:
    assert dimensions(text) == (expected,)


def test_only_an_interval_of_whole_numbers_is_whole() -> None:
    whole, real = dimensions("n=int(interval(1,9))", "lr=interval(1,9)")
    assert isinstance(whole, Interval)
    assert isinstance(real, Interval)
    assert (whole.whole, real.whole) == (True, False)


def test_each_value_and_each_end_comes_up() -> None:
    points = list(each_value(dimensions("optimizer=sgd,adam,lamb", "lr=interval(0,1)")))
    assert {point["optimizer"] for point in points} == {"sgd", "adam", "lamb"}
    assert {point["lr"] for point in points} == {"0.0", "1.0"}
    assert len(points) == 4


def test_grid_over_an_interval_is_explained() -> None:
    with pytest.raises(SettingError, match=r"lr: an interval has no end of values; .*=random"):
        grid(dimensions("lr=interval(0,1)"))


@pytest.mark.parametrize(
    "text",
    [
        "lr=interval(1,0)",
        "lr=tag(log,interval(0,1))",
        "lr=tag(log,choice(1,2))",
        "lr=tag(normal,interval(0,1))",
        "lr=range(3,3)",
    ],
)
def test_space_that_cannot_be_searched_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="expected"):
        dimensions(text)


def test_sweep_without_a_setting_that_varies_is_one_point() -> None:
    assert [*grid(dimensions())] == [{}]
    assert job_key({}, 0).startswith("repeat-0-")
