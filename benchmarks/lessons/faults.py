"""Where the lessons' own programs go wrong, each shown by a figure.

    python -m benchmarks.lessons.faults decoder|starts|lamb|scores

The programs are written anew from what the lessons describe; what they share is the fault.
"""

import math
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

VOCABULARY, LENGTH, WIDTH = 50, 16, 32


def decoder() -> None:
    """A decoder whose memory is not masked sees the character it should predict.

    On tokens drawn at random nothing can be predicted, so no honest loss is below ln 50 for long.
    """
    print(f"random tokens, {VOCABULARY} of them; the lowest honest loss is {math.log(50):.2f}")
    for masked in (False, True):
        torch.manual_seed(0)
        embed, head = nn.Embedding(VOCABULARY, WIDTH), nn.Linear(WIDTH, VOCABULARY)
        places = nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerDecoderLayer(WIDTH, 4, 64, dropout=0.0, batch_first=True)
        net = nn.ModuleList([embed, head, places, layer])
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        mask = nn.Transformer.generate_square_subsequent_mask(LENGTH)
        losses: list[float] = []
        for _ in range(400):
            tokens = torch.randint(VOCABULARY, (32, LENGTH + 1))
            x = embed(tokens[:, :-1]) + places.weight
            hidden = layer(x, x, tgt_mask=mask, memory_mask=mask if masked else None)
            loss = F.cross_entropy(head(hidden).flatten(0, 1), tokens[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
        name = "memory masked" if masked else "memory not masked"
        print(f"{name:<20}loss {sum(losses[-20:]) / 20:.2f}")


def starts() -> None:
    """Five optimizers that each draw a net of their own do not start from the same place."""
    torch.manual_seed(42)
    x = 5 * torch.randn(200, 1)
    y = 2 * x + 1 + torch.randn(200, 1)
    made: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
        "SGD": lambda p: torch.optim.SGD(p, lr=0.01),
        "Momentum": lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9),
        "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.99),
        "Adam": lambda p: torch.optim.Adam(p, lr=0.01),
        "AdamW": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.01),
    }
    for name, make in made.items():
        net = nn.Linear(1, 1)
        optimizer = make([*net.parameters()])
        losses = []
        for _ in range(100):
            optimizer.zero_grad()
            loss = F.mse_loss(net(x), y)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.item())
        print(f"{name:<10}starts at {losses[0]:6.2f}  ends at {losses[-1]:6.2f}")


def lamb() -> None:
    """LAMB's step is a share of a layer's norm; divided by the norm it is the other way round."""
    print("norm of the layer    its change, lesson    its change, LAMB")
    for norm in (0.1, 1.0, 10.0, 100.0):
        # The update's own norm is 1 and the rate 0.01; LAMB scales it by ‖W‖ / ‖update‖.
        print(f"{norm:>17g}{0.01 / norm / norm:>22.4%}{0.01 * norm / norm:>20.4%}")


def scores() -> None:
    """Areas need scores, and four counts need two classes."""
    from sklearn.metrics import confusion_matrix, roc_auc_score

    torch.manual_seed(0)
    true = torch.randint(2, (1000,))
    score = torch.sigmoid(2.0 * true - 1 + torch.randn(1000))
    labels = (score > 0.5).long()
    areas = roc_auc_score(true, labels), roc_auc_score(true, score)
    print("AUROC of labels {:.3f}  of scores {:.3f}".format(*areas))
    digits = torch.arange(10).repeat(10)
    try:
        _, _, _, _ = confusion_matrix(digits, digits).ravel()
    except ValueError as error:
        print(f"ten classes' matrix as four counts: {error}")
    try:
        roc_auc_score(digits, digits)
    except ValueError as error:
        print(f"AUROC of ten classes' labels: {error}")


if __name__ == "__main__":
    known = {f.__name__: f for f in (decoder, starts, lamb, scores)}
    if len(sys.argv) != 2 or sys.argv[1] not in known:
        sys.exit(f"expected one of {', '.join(known)}")
    known[sys.argv[1]]()
