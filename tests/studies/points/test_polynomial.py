import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.optim import AdamW

import seedbed
from seedbed.optim.groups import parameter_groups
from seedbed.runs.export import export
from studies.points.polynomial import Polynomial


@pytest.mark.parametrize("degree", [1, 3, 6])
@pytest.mark.parametrize(
    "options", [{}, {"basis": "legendre"}, {"basis": "legendre", "scale": 3.0}]
)
def test_values_are_those_of_numpys_polyval(degree: int, options: Any) -> None:
    net = Polynomial(inputs=1, outputs=2, degree=degree, **options)
    x = torch.linspace(-2, 2, 9)[:, None]
    highest_first = net.coefficients.detach().double().numpy()[:, ::-1]
    expected = [
        np.polyval(coefficients, x[:, 0].double().numpy()) for coefficients in highest_first
    ]
    np.testing.assert_allclose(
        net(x).detach().numpy(), np.transpose(expected), rtol=1e-4, atol=1e-5
    )


def test_powers_are_taken_in_the_inputs_own_precision() -> None:
    net, x = Polynomial(inputs=1, outputs=1).bfloat16(), torch.tensor([[0.5], [-2.0]]).bfloat16()
    a, b, c, d = net.coefficients[0].tolist()
    expected = torch.tensor([[a + b * v + c * v**2 + d * v**3] for v in (0.5, -2.0)])
    torch.testing.assert_close(net(x).float(), expected, rtol=2e-2, atol=2e-2)


def test_degree_three_has_four_coefficients() -> None:
    net = Polynomial(inputs=1, outputs=1)
    assert net.coefficients.shape == (1, 4)
    assert sum(parameter.numel() for parameter in net.parameters()) == 4


def test_coefficients_start_from_a_normal_distribution() -> None:
    torch.manual_seed(0)
    drawn = torch.cat([Polynomial(inputs=1, outputs=1000).coefficients for _ in range(3)])
    # Four standard errors over 3,000 draws, of each coefficient by itself.
    assert (drawn.mean(dim=0).abs() < 4 * 3000**-0.5).all()
    assert ((drawn.std(dim=0) - 1).abs() < 4 * 6000**-0.5).all()


def test_intercept_is_spared_by_decay_and_the_rest_is_a_head() -> None:
    net = Polynomial(inputs=1, outputs=1)
    groups = {group["kind"]: group for group in parameter_groups(net)}
    assert set(groups) == {"head", "vector"}
    assert groups["head"]["params"] == [net.head.weight]
    assert groups["vector"]["weight_decay"] == 0


def test_two_inputs_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one input, got 2; take another net, as net=mlp"):
        Polynomial(inputs=2, outputs=1)


def test_scale_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="scale=0: expected a number above 0"):
        Polynomial(inputs=1, outputs=1, scale=0)


def test_degree_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="degree=0: expected 1 or more"):
        Polynomial(inputs=1, outputs=1, degree=0)


def test_dropout_leaves_powers_out_in_training_only_and_raises_the_others() -> None:
    net = Polynomial(inputs=1, outputs=1, dropout=0.5)
    x = torch.tensor([[2.0]])
    a, *slopes = net.coefficients[0].tolist()
    terms = [slope * 2.0**power for power, slope in enumerate(slopes, start=1)]
    subsets = [combination for n in range(4) for combination in itertools.combinations(terms, n)]
    expected = torch.tensor([a + 2 * sum(subset) for subset in subsets])
    torch.manual_seed(0)
    given = torch.stack([net(x)[0, 0] for _ in range(100)])
    distances = (given[:, None] - expected).abs()  # (draws, subsets)
    assert distances.amin(dim=1).max() < 1e-4
    assert len(set(distances.argmin(dim=1).tolist())) == 8
    net.eval()
    assert net(x).item() == pytest.approx(a + sum(terms), rel=1e-5)


def test_polynomial_learns_four_points_by_heart() -> None:
    """As many as it has coefficients, so that one curve goes through all of them."""
    torch.manual_seed(0)
    x, y = torch.tensor([[-1.0], [-0.3], [0.4], [1.0]]), torch.randn(4, 1)
    net = Polynomial(inputs=1, outputs=1)
    optimizer = AdamW(parameter_groups(net), lr=0.1, weight_decay=0)
    for _ in range(500):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
    assert loss < 1e-3


@pytest.mark.slow
def test_onnx_gives_the_checkpoints_values(tmp_path: Path) -> None:
    run = seedbed.run(["experiment=sine", "trainer=debug", f"hydra.run.dir={tmp_path / 'run'}"])
    found = export(run, "onnx", tmp_path)
    assert found["largest_difference"] <= found["tolerance"]
