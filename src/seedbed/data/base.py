"""The frame of every DataModule: parts that are loaded once, and batches that can be resumed.

A checkpoint keeps what must be known of the data to use a net, so that a net can be used where its
data is not; where the data is there, it must match the checkpoint.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar, Generic, Literal, NoReturn, Protocol, TypeVar

from lightning import LightningDataModule, LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor

from seedbed.data.loader import Batch, Loader, Order, first_batches, overfitted
from seedbed.errors import DataError, SettingError


class Splits(Protocol):
    """A data set's parts."""

    @property
    def facts(self) -> dict[str, Any]:
        """What the record of a run should keep: source, checksum, counts."""
        ...


S = TypeVar("S", bound=Splits)


def _refuse(*_: Any) -> NoReturn:
    raise DataError(
        "The test part is sealed, so that nothing is chosen by it. Settings are compared by "
        "validation; `seedbed evaluate RUN --split test` opens it, and counts."
    )


class SealedPart:
    """Stands where a test part is withheld; whatever is asked of it raises a `DataError`."""

    __getattr__ = __iter__ = __len__ = __getitem__ = _refuse


class DataModule(LightningDataModule, ABC, Generic[S]):
    """Batches of (inputs, targets); a dataset's own class only loads and splits.

    Args:
        batch_size: Examples a batch, of all processes together; `full` takes the whole training
            part at once (batch gradient descent).
        seed: Fixes the order of the training examples.
    """

    provided_sizes: ClassVar[tuple[str, ...]]
    """The names in `sizes`, known before any data is loaded."""
    kind: str
    """The kind of task the targets are for."""
    remarks: Sequence[str] = ()
    """What a run's opening lines say of the data, beside its facts."""

    def __init__(self, *, batch_size: int | Literal["full"], seed: int) -> None:
        super().__init__()
        if batch_size != "full" and batch_size < 1:
            raise SettingError(f"data.batch_size={batch_size}: expected 1 or more, or full.")
        self.batch_size = batch_size
        self.seed = seed
        self._splits: S | None = None
        self.sealed = False
        """Whether the test part is withheld."""
        self._restored: dict[str, Any] | None = None

    @abstractmethod
    def load(self) -> S:
        """Return the parts, fetching and caching as needed."""

    @property
    @abstractmethod
    def sizes(self) -> dict[str, Any]:
        """What a net's constructor needs to know of the data."""

    @abstractmethod
    def preprocessing_state(self) -> dict[str, Any]:
        """All one must know of the loaded data to use a net without it, in plain types."""

    @abstractmethod
    def check_state(self, state: Any) -> None:
        """Refuse what cannot be a preprocessing state, by a `ValueError` that says why."""

    @abstractmethod
    def difference(self, state: dict[str, Any]) -> str:
        """Say how what a checkpoint knows of the data is not what was loaded."""

    @abstractmethod
    def training_batches(self) -> Loader:
        """Training examples in an order that depends on the seed and the epoch."""

    @abstractmethod
    def validation_batches(self) -> Loader:
        """The same examples of the validation part each time."""

    def check(self, splits: S) -> None:
        """Raise a `DataError` if parts that were loaded cannot be used; most can."""

    def setup(self, stage: str | None = None) -> None:
        """Load the parts.

        Raises:
            DataError: If they cannot be loaded or used, or are not what a restored checkpoint
                knows.
        """
        if self._splits is not None:
            return
        splits = self.load()
        self.check(splits)
        self._splits = splits
        if self._restored is not None:
            self.load_state_dict(self._restored)

    @property
    def splits(self) -> S:
        """The loaded parts; a test part that is sealed raises once it is used."""
        self.setup()
        assert self._splits is not None
        parts: Any = self._splits
        if self.sealed and getattr(parts, "test", None) is not None:
            parts = replace(parts, test=SealedPart())
        return parts  # type: ignore[no-any-return]

    @property
    def facts(self) -> dict[str, Any]:
        """What the record of a run keeps of the data."""
        return self.splits.facts

    def state_dict(self) -> dict[str, Any]:
        """What was fitted; of a restored checkpoint where the data is not loaded."""
        if self._splits is None and self._restored is not None:
            return self._restored
        return self.preprocessing_state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what a checkpoint knows of the data, which need not be there.

        Raises:
            DataError: If the data is loaded, and otherwise; else loading it will say so.
        """
        self.check_state(state_dict)
        self._restored = state_dict
        if self._splits is not None and state_dict != self.state_dict():
            raise DataError(
                f"{self.difference(state_dict)} Was the data changed since the run started?"
            )

    def train_dataloader(self) -> Loader:
        """The training batches, or those of them that are overfitted."""
        loader = self.training_batches()
        count = overfitted(self.trainer)
        return first_batches(loader, count) if count else loader

    def val_dataloader(self) -> Loader:
        """The validation batches, or the training batches that are overfitted."""
        return self.train_dataloader() if overfitted(self.trainer) else self.validation_batches()

    def batches(
        self,
        fetch: Callable[[Tensor], Batch],
        order: Order,
        *,
        size: int,
        batch_size: int,
        drop_last: bool = False,
    ) -> Loader:
        """A `Loader` with this process's share of each batch."""
        trainer = self.trainer
        return Loader(
            fetch,
            order,
            size=size,
            batch_size=batch_size,
            seed=self.seed,
            drop_last=drop_last,
            rank=trainer.global_rank if trainer else 0,
            processes=trainer.world_size if trainer else 1,
        )


def seal_test(data: LightningDataModule, task: LightningModule) -> None:
    """Withhold the test part from now on, of anyone's modules by their `test_dataloader`."""
    if isinstance(data, DataModule):
        data.sealed = True
    for owner, base in ((data, LightningDataModule), (task, LightningModule)):
        if not isinstance(owner, DataModule) and is_overridden("test_dataloader", owner, base):
            own = vars(owner).get("test_dataloader")  # as of `LightningDataModule.from_datasets`
            vars(owner)["test_dataloader"] = partial(_refuse, own)


def open_test(data: LightningDataModule, task: LightningModule) -> None:
    """Let it be used; whoever opens it, counts."""
    if isinstance(data, DataModule):
        data.sealed = False
    for owner in (data, task):
        sealed = vars(owner).get("test_dataloader")
        if isinstance(sealed, partial) and sealed.func is _refuse:
            del vars(owner)["test_dataloader"]
            if own := sealed.args[0]:
                vars(owner)["test_dataloader"] = own


class DataOfModule(LightningDataModule):
    """The loaders that a module brings itself, in place of a DataModule."""

    facts: ClassVar = {"source": "the module's own loaders"}

    def take(self, module: LightningModule) -> None:
        """Give what the module gives."""
        for part in ("train", "val", "test", "predict"):
            hook = f"{part}_dataloader"
            if is_overridden(hook, module, LightningModule):
                setattr(self, hook, getattr(module, hook))
