import torch
from torch._dynamo.utils import counters

from seedbed.nets.gpt import GPT


def test_compiling_reaches_the_training_loss_and_keeps_value_and_keys() -> None:
    net = GPT(vocabulary_size=11, context=8, depth=1)
    tokens = torch.randint(11, (2, 8))
    keys, expected = list(net.state_dict()), net.loss(tokens, tokens)
    counters.clear()
    net.compile(backend="eager")
    torch.testing.assert_close(net.loss(tokens, tokens), expected)
    assert counters["frames"]["ok"] > 0
    assert list(net.state_dict()) == keys
