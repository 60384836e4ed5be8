"""Shows how the loss's gradient reaches each weight: the chain rule beside what autograd gives.

Forward, each layer's output is kept; backward, ∂L/∂output is multiplied by one local derivative a
layer, as one does on paper, starting from the loss's own derivative, 2 (ŷ - y) / n for the mean
squared error. Autograd does the same products, so the two columns agree to rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lightning import Callback, LightningModule, Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from seedbed.tasks.base import net_of
from seedbed.terminal import log

SLOPES: dict[type[nn.Module], Callable[[Tensor], Tensor]] = {
    nn.ReLU: lambda a: (a > 0).to(a),
    nn.Tanh: lambda a: 1 - a**2,
    nn.Sigmoid: lambda a: a * (1 - a),
}
"""∂a/∂z of each activation a = f(z), which of all three follows from a."""

FEW = 8
"""Weights with no more values are shown one by one."""


@dataclass(frozen=True)
class Layer:
    """A layer that was passed through: its name, and what went in and came out."""

    name: str
    module: nn.Module
    entered: Tensor
    left: Tensor


class BackwardPath(Callback):
    """Prints a step's way forward and back, for nets of linear layers, ReLU, tanh and sigmoid.

    Of a net with another kind of layer, or that drops values out, it says so and shows nothing.

    Args:
        steps: How many of the first steps are shown.
    """

    def __init__(self, *, steps: int = 1) -> None:
        self.steps = steps
        self._handles: list[RemovableHandle] = []
        self._layers: list[Layer] = []
        self._gradients: dict[str, Tensor] = {}

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Have each layer keep what passes through it."""
        if trainer.global_step >= self.steps:
            return
        self._layers = []
        layers = {
            name: module
            for name, module in net_of(pl_module).named_modules()
            if not (any(module.children()) or inert(module))
        }
        for name, module in layers.items():
            if not isinstance(module, nn.Linear) and type(module) not in SLOPES:
                log.info(
                    f"callbacks=backward_path shows nothing: the net's {name or 'own layer'} is "
                    f"{type(module).__name__}; it knows Linear, ReLU, Tanh and Sigmoid alone."
                )
                self.steps = 0
                return
        for name, module in layers.items():
            self._handles.append(module.register_forward_hook(self._keep(name)))

    def on_after_backward(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compute the batch's gradients by the chain rule; those of gathered batches add up."""
        for handle in self._handles:
            handle.remove()
        self._handles = []
        for name, gradient in chain_rule(self._layers).items() if self._layers else ():
            self._gradients[name] = self._gradients.get(name, 0) + gradient

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        """Print the last batch's way, and both gradients."""
        if not self._layers:
            return
        lines = [f"\nstep {trainer.global_step + 1}", row("forward", "value", "∂L/∂value")]
        lines.append(row("input", shown(self._layers[0].entered), ""))
        for layer in self._layers:
            lines.append(row(layer.name, shown(layer.left), shown(layer.left.grad)))
        lines.append(row("weights", "value", "chain rule", "autograd"))
        for name, parameter in net_of(pl_module).named_parameters():
            assert parameter.grad is not None, "the optimizer steps next"
            columns = parameter.detach(), self._gradients[name], parameter.grad
            if parameter.numel() > FEW:
                lines.append(row(name, *map(shown, columns)))
            else:
                for i, cells in enumerate(zip(*(c.flatten() for c in columns), strict=True)):
                    label = name if parameter.numel() == 1 else f"{name}[{i}]"
                    lines.append(row(label, *map(shown, cells)))
        if any(layer.left.numel() > 1 for layer in self._layers):
            lines.append("    (of several values the root of their mean square)")
        log.info("\n".join(lines))
        self._layers, self._gradients = [], {}

    def _keep(self, name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def keep(module: nn.Module, entered: tuple[Tensor, ...], left: Tensor) -> None:
            left.retain_grad()
            self._layers.append(Layer(name, module, entered[0].detach(), left))

        return keep


def inert(module: nn.Module) -> bool:
    """Whether a layer hands on what it gets."""
    return isinstance(module, nn.Identity | nn.Sequential) or (
        isinstance(module, nn.Dropout) and module.p == 0
    )


def chain_rule(layers: list[Layer]) -> dict[str, Tensor]:
    """The gradient of each weight and bias by its name.

    The layers are in the order of the forward pass; the last one's output has its gradient.
    """
    found: dict[str, Tensor] = {}
    reached = layers[-1].left.grad  # ∂L/∂ŷ, (B, outputs)
    assert reached is not None, "the loss has been differentiated"
    for layer in reversed(layers):
        if isinstance(layer.module, nn.Linear):
            found[f"{layer.name}.weight"] = reached.T @ layer.entered
            found[f"{layer.name}.bias"] = reached.sum(dim=0)
            reached = reached @ layer.module.weight.detach()
        else:
            slope = SLOPES[type(layer.module)](layer.left.detach())
            reached = reached * slope
    return found


def shown(values: Tensor | None) -> str:
    """One value as it is; the root mean square of several."""
    if values is None:
        return ""
    values = values.detach().double()
    number = values.item() if values.numel() == 1 else values.square().mean().sqrt().item()
    return f"{number:.4g}"


def row(name: str, *cells: str) -> str:
    """A line of the table."""
    return f"    {name:<16}" + "".join(f"{cell:>13}" for cell in cells)
