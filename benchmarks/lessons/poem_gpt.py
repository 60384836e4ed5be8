"""The poem lesson's GPT and its training loop, as the lesson writes them.

Source: TutorialLLM (`jingedawang/TutorialLLM` on GitHub). Four separate heads a block, the logits
of all positions in full precision, AdamW as torch makes it, one random batch a step, and text for
which the whole context is computed again with each character. 1,318,372 parameters.

    python -m benchmarks.lessons.poem_gpt 100 evaluate

trains so many steps on `data=poems_tutorial` and prints a line of JSON: each step's seconds and
loss, and the evaluation losses before and after, where asked for.
"""

import json
import sys
import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CONTEXT = 256
WIDTH = 64
DEPTH = 4
HEADS = 4
BATCH = 16
LEARNING_RATE = 1e-3
EVALUATION_BATCHES = 100
SEED = 2024


class Head(nn.Module):
    """One head of causal self-attention: (B, T, C) -> (B, T, C / heads)."""

    mask: Tensor

    def __init__(self) -> None:
        super().__init__()
        size = WIDTH // HEADS
        self.key = nn.Linear(WIDTH, size, bias=False)
        self.query = nn.Linear(WIDTH, size, bias=False)
        self.value = nn.Linear(WIDTH, size, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(CONTEXT, CONTEXT)))

    def forward(self, x: Tensor) -> Tensor:
        """Attend to this and earlier positions; scores are scaled by the model's width."""
        T = x.shape[1]
        key, query, value = self.key(x), self.query(x), self.value(x)
        scores = query @ key.transpose(-2, -1) * WIDTH**-0.5  # (B, T, T)
        scores = scores.masked_fill(self.mask[:T, :T] == 0, float("-inf"))
        mixed: Tensor = F.softmax(scores, dim=-1) @ value
        return mixed


class Block(nn.Module):
    """Attention, then feed-forward, each on what LayerNorm gives and added to the stream."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH)
        self.heads = nn.ModuleList([Head() for _ in range(HEADS)])
        self.project = nn.Linear(WIDTH, WIDTH)
        self.norm2 = nn.LayerNorm(WIDTH)
        self.feed_forward = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.ReLU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Apply both parts to x (B, T, C)."""
        normed = self.norm1(x)
        x = x + self.project(torch.cat([head(normed) for head in self.heads], dim=-1))
        output: Tensor = x + self.feed_forward(self.norm2(x))
        return output


class LessonGPT(nn.Module):
    """The lesson's decoder: ids (B, T) -> logits (B, T, vocabulary size)."""

    def __init__(self, vocabulary_size: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary_size, WIDTH)
        self.position_embedding = nn.Embedding(CONTEXT, WIDTH)
        self.blocks = nn.Sequential(*[Block() for _ in range(DEPTH)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, vocabulary_size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Give the logits of every position."""
        positions = torch.arange(tokens.shape[1])
        x = self.token_embedding(tokens) + self.position_embedding(positions)
        logits: Tensor = self.head(self.norm(self.blocks(x)))
        return logits

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy of targets (B, T)."""
        logits = self(tokens)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))

    @torch.no_grad()
    def generate(self, tokens: Tensor, length: int) -> Tensor:
        """Continue ids (1, T) by `length` characters."""
        for _ in range(length):
            logits = self(tokens[:, -CONTEXT:])[:, -1, :]
            chances = F.softmax(logits, dim=-1)
            tokens = torch.cat([tokens, torch.multinomial(chances, num_samples=1)], dim=1)
        return tokens


def random_batch(text: Tensor) -> tuple[Tensor, Tensor]:
    """Windows that start anywhere in the text, and the same one character on: both (B, T)."""
    starts = torch.randint(len(text) - CONTEXT, (BATCH,)).tolist()
    inputs = torch.stack([text[i : i + CONTEXT] for i in starts])
    targets = torch.stack([text[i + 1 : i + CONTEXT + 1] for i in starts])
    return inputs, targets


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    """The lesson's AdamW, everything but the rate left at torch's defaults."""
    return torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)


def train_step(model: LessonGPT, optimizer: torch.optim.Optimizer, text: Tensor) -> float:
    """One turn of the lesson's loop; returns its loss."""
    inputs, targets = random_batch(text)
    loss = model.loss(inputs, targets)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item()


@torch.no_grad()
def evaluate(model: LessonGPT, text: Tensor) -> float:
    """The mean loss of 100 random batches."""
    model.eval()
    losses = [model.loss(*random_batch(text)).item() for _ in range(EVALUATION_BATCHES)]
    model.train()
    return sum(losses) / len(losses)


def corpus() -> tuple[int, Tensor, Tensor]:
    """The lesson's vocabulary size, training text and evaluation text."""
    from seedbed.data.fetch import data_dir
    from studies.poems.poems import PoemsTutorial

    splits = PoemsTutorial(data_dir=str(data_dir())).splits
    train, val = (torch.from_numpy(part.astype("int64")) for part in (splits.train, splits.val))
    return len(splits.vocabulary), train, val


def main(steps: int, *, evaluated: bool) -> dict[str, Any]:
    """Train as the lesson does, for so many steps."""
    vocabulary_size, train, val = corpus()
    torch.manual_seed(SEED)
    model = LessonGPT(vocabulary_size)
    optimizer = optimizer_of(model)
    evaluations = [evaluate(model, val)] if evaluated else []
    seconds, losses = [], []
    for _ in range(steps):
        started = time.perf_counter()
        losses.append(train_step(model, optimizer, train))
        seconds.append(time.perf_counter() - started)
    if evaluated:
        evaluations.append(evaluate(model, val))
    return {"seconds": seconds, "losses": losses, "evaluations": evaluations}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), evaluated="evaluate" in sys.argv)))
