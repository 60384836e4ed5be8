"""The MNIST lesson's script: torchvision's dataset, an image transformed at a time, a DataLoader.

784-512-10 with ReLU and dropout 0.2, Adam, batches of 32, 10 epochs; 50,000 images are for
training, 10,000 for validation. It ends at about 98 % of the test images.

    python -m benchmarks.lessons.mnist FOLDER [SEED [EPOCHS]]

reads FOLDER/MNIST/raw and prints a line of figures an epoch, the test's last. It needs
torchvision.
"""

import sys

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms

EPOCHS = 10
BATCH = 32
SEED = 42


class LessonMLP(nn.Module):
    """Images (B, 1, 28, 28) -> logits (B, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(784, 512)
        self.output = nn.Linear(512, 10)
        self.dropout = nn.Dropout(0.2)

    def forward(self, images: Tensor) -> Tensor:
        """Give the logits."""
        x = torch.relu(self.hidden(images.view(images.shape[0], -1)))
        logits: Tensor = self.output(self.dropout(x))
        return logits


Batches = DataLoader[tuple[Tensor, Tensor]]


def train_epoch(
    model: nn.Module, batches: Batches, optimizer: torch.optim.Optimizer
) -> tuple[float, float]:
    """One pass; returns mean loss and accuracy as the batches went by."""
    model.train()
    criterion = nn.CrossEntropyLoss()
    total, right, count = 0.0, 0, 0
    for images, labels in batches:
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        right += (outputs.argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return total / count, right / count


@torch.no_grad()
def evaluate(model: nn.Module, batches: Batches) -> tuple[float, float]:
    """Mean loss and accuracy."""
    model.eval()
    criterion = nn.CrossEntropyLoss()
    total, right, count = 0.0, 0, 0
    for images, labels in batches:
        outputs = model(images)
        total += criterion(outputs, labels).item() * len(labels)
        right += (outputs.argmax(dim=1) == labels).sum().item()
        count += len(labels)
    return total / count, right / count


def main(folder: str, seed: int = SEED, epochs: int = EPOCHS) -> None:
    """Train, validate each epoch, and test."""
    torch.manual_seed(seed)
    transform = transforms.ToTensor()
    official = datasets.MNIST(folder, train=True, transform=transform)
    test_set = datasets.MNIST(folder, train=False, transform=transform)
    train_set, val_set = random_split(official, [50_000, 10_000])
    train_batches = DataLoader(train_set, batch_size=BATCH, shuffle=True)
    val_batches = DataLoader(val_set, batch_size=BATCH)
    test_batches = DataLoader(test_set, batch_size=BATCH)
    model = LessonMLP()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, epochs + 1):
        loss, accuracy = train_epoch(model, train_batches, optimizer)
        val_loss, val_accuracy = evaluate(model, val_batches)
        print(
            f"epoch {epoch}: train loss {loss:.4f} accuracy {accuracy:.4f}, "
            f"validation loss {val_loss:.4f} accuracy {val_accuracy:.4f}",
            flush=True,
        )
    loss, accuracy = evaluate(model, test_batches)
    print(f"test: loss {loss:.4f} accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
