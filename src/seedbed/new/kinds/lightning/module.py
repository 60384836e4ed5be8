"""Plain Lightning, which knows nothing of Seedbed. Replace both classes by your own."""

import torch
from lightning import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class Module(LightningModule):
    """A net with its own loss and optimizer; what it logs is what the run records.

    Args:
        width: Hidden units.
        lr: Adam's learning rate.
    """

    def __init__(self, width: int = 32, lr: float = 0.01) -> None:
        super().__init__()
        self.lr = lr
        self.layers = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map x (B, 1) to predictions (B, 1)."""
        predictions: Tensor = self.layers(x)
        return predictions

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The loss of a batch."""
        x, y = batch
        loss = nn.functional.mse_loss(self(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Log `val_loss`, by which the best checkpoint is found."""
        x, y = batch
        self.log("val_loss", nn.functional.mse_loss(self(x), y))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters(), self.lr)


class DataModule(LightningDataModule):
    """Points on a curve, with ordinary loaders.

    Args:
        points: Number of points a part.
        batch_size: Points a batch.
    """

    def __init__(self, points: int = 200, batch_size: int = 20) -> None:
        super().__init__()
        self.points = points
        self.batch_size = batch_size

    def _part(self, seed: int) -> TensorDataset:
        x = 6 * torch.rand(self.points, 1, generator=torch.Generator().manual_seed(seed)) - 3
        return TensorDataset(x, x.sin())

    def train_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """The training part, shuffled."""
        return DataLoader(self._part(0), self.batch_size, shuffle=True)

    def val_dataloader(self) -> DataLoader[tuple[Tensor, ...]]:
        """The validation part, in order."""
        return DataLoader(self._part(1), self.batch_size)
