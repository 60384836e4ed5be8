"""Next-character prediction at each window's end alone, to see what the other places give."""

from torch import Tensor
from torch.nn import functional as F

from seedbed.tasks.base import StepOutput
from seedbed.tasks.language import LanguageTask


class LastPositionTask(LanguageTask):
    """Trains on the last target of each window; validation and test are of all, as they were."""

    def step(self, batch: tuple[Tensor, Tensor]) -> StepOutput:
        """Mean cross-entropy in nats of the windows' last targets; inputs and targets (B, T)."""
        inputs, targets = batch
        logits = self.net(inputs)[:, -1]  # (B, V)
        return StepOutput(F.cross_entropy(logits, targets[:, -1]), len(targets))
