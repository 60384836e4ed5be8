import pytest
import torch

from seedbed.nets.column_embeddings import NAME, ColumnEmbeddings, embed, width
from seedbed.nets.mlp import MLP


def test_vectors_stand_in_place_of_the_numbers_of_levels() -> None:
    embeddings = ColumnEmbeddings([300, 3])
    rows = torch.tensor([[0.5, 7, 0], [-1, 300, 3]])
    first, second = embeddings.state_dict().values()
    expected = torch.cat([rows[:, :1], first[[7, 300]], second[[0, 3]]], dim=1)
    assert torch.equal(embeddings(rows), expected)
    assert expected.shape[1] == 1 + width(300) + width(3)


@pytest.mark.parametrize("number", [-3.0, 1e9, float("nan")])
def test_number_of_no_level_gets_a_vector(number: float) -> None:
    embeddings = ColumnEmbeddings([40])
    [vectors] = embeddings.state_dict().values()
    assert torch.equal(embeddings(torch.tensor([[number]])), vectors[[40 if number > 0 else 0]])


def test_unseen_level_begins_without_a_say() -> None:
    assert not ColumnEmbeddings([40])(torch.zeros(1, 1)).any()


def test_net_keeps_its_class_and_the_names_of_its_weights() -> None:
    net = MLP(inputs=2 + width(40), outputs=1)
    names = {name for name, _ in net.named_parameters()}
    embed(net, [40])
    assert {name for name, _ in net.named_parameters()} == names | {f"{NAME}.0.weight"}
    assert net(torch.tensor([[0.1, 0.2, 39.0]])).shape == (1, 1)
