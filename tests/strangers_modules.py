"""Modules and data as people write them who know nothing of Seedbed."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from lightning import LightningDataModule, LightningModule
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset


class Autoencoder(LightningModule):
    """Two optimizers, stepped by hand."""

    def __init__(self, width: int = 3, lr: float = 0.05) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.lr = lr
        self.encoder = nn.Sequential(nn.Linear(6, width), nn.Tanh(), nn.Dropout(0.1))
        self.decoder = nn.Linear(width, 6)
        self.example_input_array = torch.ones(2, 6)

    def forward(self, x: Tensor) -> Tensor:
        decoded: Tensor = self.decoder(self.encoder(x))
        return decoded

    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        (x,) = batch
        loss = F.mse_loss(self(x), x)
        optimizers: Any = self.optimizers()
        for optimizer in optimizers:
            optimizer.zero_grad()
        self.manual_backward(loss)
        for optimizer in optimizers:
            optimizer.step()
        self.log("reconstruction", loss)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("val_loss", F.mse_loss(self(batch[0]), batch[0]))

    def test_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.log("test_loss", F.mse_loss(self(batch[0]), batch[0]))

    def predict_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        encoded: Tensor = self.encoder(batch[0])
        return encoded

    def configure_optimizers(self) -> Any:
        return [
            torch.optim.Adam(self.encoder.parameters(), self.lr),
            torch.optim.SGD(self.decoder.parameters(), self.lr, momentum=0.9),
        ], []


class Vectors(LightningDataModule):
    """Ordinary loaders over a TensorDataset, shuffled; its sizes are not those of a net."""

    sizes: tuple[int, ...] | None = None

    def __init__(self, rows: int = 60, batch_size: int = 8, workers: int = 0) -> None:
        super().__init__()
        self.rows, self.batch_size, self.workers = rows, batch_size, workers

    def setup(self, stage: str) -> None:
        x = torch.randn(self.rows, 6, generator=torch.Generator().manual_seed(1))
        self.x = torch.cat([x[:, :3], x[:, :3] * 2], dim=1)

    def _loader(self, x: Tensor, *, shuffle: bool = False) -> DataLoader[Any]:
        return DataLoader(
            TensorDataset(x), self.batch_size, shuffle=shuffle, num_workers=self.workers
        )

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.x[20:], shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.x[:10])

    def test_dataloader(self) -> DataLoader[Any]:
        return self._loader(self.x[10:20])

    predict_dataloader = test_dataloader


class Pairwise(Vectors):
    """Two training loaders, the shorter of which begins again within an epoch."""

    def train_dataloader(self) -> Any:
        return {"a": self._loader(self.x[:40], shuffle=True), "b": self._loader(self.x[40:])}


class Divided(Vectors):
    """Divides its rows at random, by no seed."""

    def setup(self, stage: str) -> None:
        super().setup(stage)
        self.x = self.x[torch.randperm(self.rows)]


class DictClassifier(LightningModule):
    """Batches that are dictionaries, and two validation loaders; a schedule by epochs."""

    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.layer = nn.Linear(4, classes)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.layer(x)
        return logits

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        loss = F.cross_entropy(self(batch["x"]), batch["y"])
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(
        self, batch: dict[str, Tensor], batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        hits = self(batch["x"]).argmax(1) == batch["y"]
        self.log("hits", hits.float().mean(), batch_size=len(hits))

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), 0.5)
        return {
            "optimizer": optimizer,
            "lr_scheduler": torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5),
        }


class Named(Dataset[dict[str, Tensor]]):
    """Rows as dictionaries."""

    def __init__(self, seed: int, rows: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(rows, 4, generator=generator)
        self.y = self.x[:, :3].argmax(1)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"x": self.x[index], "y": self.y[index]}


class Dicts(LightningDataModule):
    """Two validation loaders, and no test part."""

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(Named(0, 40), 8, shuffle=True)

    def val_dataloader(self) -> list[DataLoader[Any]]:
        return [DataLoader(Named(1, 16), 8), DataLoader(Named(2, 16), 8)]


class Numbers(IterableDataset[Tensor]):
    """A stream that its workers share."""

    def __iter__(self) -> Iterator[Tensor]:
        worker = torch.utils.data.get_worker_info()
        first, step = (worker.id, worker.num_workers) if worker else (0, 1)
        for number in range(first, 48, step):
            yield torch.tensor([number / 48])


class Streams(LightningDataModule):
    """An IterableDataset with workers."""

    def __init__(self, workers: int = 2) -> None:
        super().__init__()
        self.workers = workers

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(Numbers(), 4, num_workers=self.workers)


class Counting:
    """A loader that keeps its own place."""

    def __init__(self) -> None:
        self.place = 0

    def __len__(self) -> int:
        return 8

    def __iter__(self) -> Iterator[Tensor]:
        while self.place < len(self):
            self.place += 1
            yield torch.tensor([self.place / 8])
        self.place = 0

    def state_dict(self) -> dict[str, int]:
        return {"place": self.place}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.place = state["place"]


class Counted(LightningDataModule):
    """A loader that is no DataLoader."""

    def train_dataloader(self) -> Counting:
        return Counting()


class Mean(LightningModule):
    """Learns the mean of a stream; logs nothing of a validation, for there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(1))

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        loss = (batch - self.value).square().mean()
        self.log("loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), 0.1)


class Pairs(LightningDataModule):
    """Inputs and targets, as the frame's own tasks take them."""

    def _loader(self, seed: int) -> DataLoader[Any]:
        x = torch.randn(32, 3, generator=torch.Generator().manual_seed(seed))
        return DataLoader(TensorDataset(x, x.sum(1, keepdim=True)), 8, shuffle=seed == 0)

    def train_dataloader(self) -> DataLoader[Any]:
        return self._loader(0)

    def val_dataloader(self) -> DataLoader[Any]:
        return self._loader(1)


class Assembled(LightningModule):
    """Given its net, and how to make its optimizer and its schedule, by a configuration."""

    def __init__(
        self,
        *,
        net: nn.Module,
        optimizer: Any,
        scheduler: Any,
        loss: nn.Module,
        shape: tuple = (6,),  # type: ignore[type-arg]
        metrics: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.save_hyperparameters(logger=False)
        self.net, self.loss, self.shape, self.metrics = net, loss, (-1, *shape), metrics
        self.averaged = copy.deepcopy(net)
        self.average = self.averaged.requires_grad_(requires_grad=False).state_dict()

    def _step(self, batch: Any, part: str) -> Tensor:
        rows = [both[0] for both in batch.values()] if isinstance(batch, dict) else batch
        x = torch.cat(rows).view(self.shape)
        loss: Tensor = self.loss(self.net(x), x)
        self.log(f"{part}_loss", loss, on_step=True, on_epoch=True, batch_size=len(x))
        return loss

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self._step(batch, "train")

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self._step(batch, "val")

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        for name, weight in self.net.state_dict().items():
            self.average[name].lerp_(weight, 0.5)

    def on_train_epoch_end(self) -> None:
        for logger in self.loggers:
            logger.experiment.add_image("noise", torch.rand(3, 4, 4), self.current_epoch)  # type: ignore[attr-defined]

    def predict_step(self, batch: list[Tensor], batch_idx: int) -> dict[str, Any]:
        x = batch[0]
        names = [f"{batch_idx}/{number}" for number in range(len(x))]
        of_net = {"out": self.net(x), "sum": x.sum(1)}
        return {"name": names, "sum": x.sum(1), "net": of_net, "mean": x.mean(), "batch": batch_idx}

    def configure_optimizers(self) -> Any:
        optimizer = self.hparams["optimizer"](self.parameters())
        assert self.trainer.estimated_stepping_batches > 0  # sets up the training data
        scheduler = self.hparams["scheduler"](optimizer)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": scheduler, "monitor": "val_loss"},
        }


class Whole(Autoencoder):
    """Brings its loaders, and makes a layer once its Trainer asks for it."""

    def __init__(self) -> None:
        super().__init__()
        self.last: nn.Linear | None = None

    def configure_model(self) -> None:
        width = int(torch.ones(6).sum())  # which cannot be computed where nothing takes memory
        self.last = self.last or nn.Linear(6, width)

    def forward(self, x: Tensor) -> Tensor:
        assert self.last is not None
        decoded: Tensor = self.last(super().forward(x))
        return decoded

    def train_dataloader(self) -> DataLoader[Any]:
        return DataLoader(TensorDataset(torch.ones(40, 6)), 8, shuffle=True)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(TensorDataset(torch.ones(16, 6)), 8)

    predict_dataloader = val_dataloader
