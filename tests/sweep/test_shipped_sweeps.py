import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from shipped import options

from seedbed.config.checks import check
from seedbed.config.compose import composed, plain
from seedbed.sweep.space import each_value, fixed, overrides_of, space


@pytest.mark.slow
@pytest.mark.parametrize("name", options("sweep"))
def test_every_value_of_a_shipped_sweep_can_be_trained_with(name: str) -> None:
    config = composed([f"sweep={name}"])
    assert config.hydra.mode.name == "MULTIRUN"
    params = [f"{key}={value}" for key, value in config.hydra.sweeper.params.items()]
    overrides = OverridesParser.create().parse_overrides(params)
    points = list(each_value(space(overrides)))
    assert len(points) > 1
    for point in points:
        check(plain(composed([f"sweep={name}", *fixed(overrides), *overrides_of(point)])))
