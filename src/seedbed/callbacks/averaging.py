"""A moving average of the weights, which is what is validated, kept as the best and tested.

It is Lightning's, without the settings by which it would average nothing, or fail in the fit.
"""

from lightning.pytorch.callbacks import EMAWeightAveraging


class Averaging(EMAWeightAveraging):
    """Averages the weights over steps, on their own device.

    Args:
        decay: The share of the average that stays at each update.
        update_every_n_steps: Steps from one update to the next.
        update_starting_at_step: The first step with one.
        use_buffers: Average what is no parameter too, in place of taking it over.

    Raises:
        ValueError: If a number is out of range.
    """

    def __init__(
        self,
        *,
        decay: float = 0.9,
        update_every_n_steps: int = 1,
        update_starting_at_step: int | None = None,
        use_buffers: bool = False,
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay={decay}: expected 0 or more, below 1")
        if update_every_n_steps < 1:
            raise ValueError(f"update_every_n_steps={update_every_n_steps}: expected 1 or more")
        super().__init__(
            decay=decay,
            update_every_n_steps=update_every_n_steps,
            update_starting_at_step=update_starting_at_step,
            use_buffers=use_buffers,
        )
