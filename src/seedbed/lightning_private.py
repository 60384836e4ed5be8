"""Lightning's private names, as Lightning 2.6.6 has them: all that the frame uses are here.

Where a version changes one, the function here says what it has to give.
"""

from functools import wraps
from typing import Any

from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.loggers import Logger, TensorBoardLogger
from lightning.pytorch.utilities import CombinedLoader
from lightning.pytorch.utilities.model_helpers import is_overridden


def fit_state(trainer: Trainer) -> dict[str, Any]:
    """All that a checkpoint of a fit holds: weights, optimizers, schedules, loops, callbacks."""
    state: dict[str, Any] = trainer._checkpoint_connector.dump_checkpoint(weights_only=False)
    return state


def is_restoring(trainer: Trainer) -> bool:
    """Whether a fit is taking over from a checkpoint just now."""
    return bool(trainer._checkpoint_connector._loaded_checkpoint)


def steps_done(trainer: Trainer) -> int:
    """The steps of a fit: the axis of its logs, and what its lengths count.

    Lightning's `global_step` counts each optimizer's steps; of several, batches are counted here.
    """
    if len(trainer.optimizers) < 2:
        return trainer.global_step
    return batches_begun(trainer)


def batches_begun(trainer: Trainer) -> int:
    """The batches of a fit, over all its epochs, with the one that it is at."""
    return trainer.fit_loop.epoch_loop.batch_progress.total.ready


def is_logged(trainer: Any) -> bool:
    """Whether the batch that a fit is at is one of each `log_every_n_steps`, or the first."""
    number, every = batches_begun(trainer), trainer.log_every_n_steps
    return bool(every) and (number == 1 or number % every == 0)


def is_resumable_here(trainer: Trainer, *, after_batch: bool) -> bool:
    """Whether a fit finds back to where it is now.

    It does not while gradients are gathered; nor after a batch that ends an epoch, or after which a
    validation is due.
    """
    loop, batches = trainer.fit_loop.epoch_loop, trainer.fit_loop._data_fetcher
    assert batches is not None
    if loop._should_accumulate():
        return False
    ends = after_batch and (loop._num_ready_batches_reached() or loop._should_check_val_fx(batches))
    return not ends


def forget_training_data(trainer: Trainer) -> None:
    """Have a fit set its training data up again, once a checkpoint's place in it is restored."""
    trainer.fit_loop._combined_loader = None


def hide_from(logger: TensorBoardLogger, step: int) -> None:
    """Have TensorBoard's next file hide what earlier ones have from this step on."""
    logger._kwargs["purge_step"] = step


def keep_from_evaluation_batches(trainer: Trainer, kind: type[Logger]) -> None:
    """Keep what a module logs of each batch of an evaluation from loggers of a kind.

    Lightning gives it that batch's number as its step, which is none of the fit's.
    """
    connector = trainer._logger_connector
    update = connector.update_eval_step_metrics

    def update_others(step: int) -> None:
        loggers = trainer.loggers
        trainer.loggers = [logger for logger in loggers if not isinstance(logger, kind)]
        try:
            update(step)
        finally:
            trainer.loggers = loggers

    connector.update_eval_step_metrics = update_others  # type: ignore[method-assign]


def make_predictable(datamodule: LightningDataModule, module: LightningModule) -> None:
    """Let `Trainer.predict` take a `DataLoader(dataset, 32)` of a DataModule, or else of a module.

    It makes the loader anew with a `batch_size` by name, beside what was given by place.
    """
    owner: Any = datamodule
    if not is_overridden("predict_dataloader", datamodule, LightningDataModule):
        owner = module
    given = owner.predict_dataloader

    @wraps(given)
    def predict_dataloader() -> Any:
        loaders = given()
        for loader in CombinedLoader(loaders, "sequential").flattened:
            values = getattr(loader, "__pl_saved_args", ())
            names = getattr(loader, "__pl_saved_arg_names", ())
            if values and len(names) == len(values):
                loader.__pl_saved_kwargs.update(zip(names, values, strict=True))
                object.__setattr__(loader, "__pl_saved_args", ())
        return loaders

    owner.predict_dataloader = predict_dataloader
