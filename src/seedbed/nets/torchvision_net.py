"""The classifiers of torchvision.models by their names, from scratch or from given weights.

What stands before the last layer is `model`, the last layer is `head`: `freeze=[model]` trains the
head alone. Grey images are shown to all three of the channels that they expect. Only a new
fit with `pretrained` downloads anything.
"""

import hashlib
import http.client
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seedbed.errors import DataError, FetchError, listed, nearest

OTHERS = ("googlenet", "inception_v3")
"""Those that give more than logits in training."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pixels, by which torchvision's own weights were trained."""

UNREADABLE = (*(EOFError, LookupError, OSError, RuntimeError, ValueError), pickle.UnpicklingError)


class TorchvisionNet(nn.Module):
    """A classifier of torchvision's.

    Args:
        channels: Channels of an image, 1 or 3.
        outputs: Logits an image.
        model: Its name there, as `resnet18`.
        weights: A file of weights that a new fit begins with: a state dict of this model of
            torchvision's, trained on images scaled as torchvision's own are. A head for another
            number of classes is drawn anew.
        pretrained: In place of a file, the name of weights of torchvision's, as `DEFAULT`; they are
            downloaded when a new fit begins, unless torch has them in its cache.

    Raises:
        ValueError: If there is no such model, or no such weights, or it takes no such images.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        *,
        channels: int,
        outputs: int,
        model: str = "resnet18",
        weights: str | None = None,
        pretrained: str | None = None,
    ) -> None:
        super().__init__()
        from torchvision import models  # takes a second to import

        known = {*models.list_models(module=models)} - {*OTHERS}
        if model not in known:
            raise ValueError(f"model={model}: no such classifier; {nearest(model, known)}")
        if channels not in (1, 3):
            raise ValueError(f"{model} takes images of 1 or 3 channels, got {channels}")
        if weights and pretrained:
            raise ValueError("weights and pretrained: expected one of them")
        named = models.get_model_weights(model).__members__
        if pretrained and pretrained not in named:
            raise ValueError(
                f"pretrained={pretrained}: no such weights; {nearest(pretrained, named)}"
            )
        self.model = models.get_model(model, weights=None, num_classes=outputs)
        self.weights = weights
        self.pretrained = named[pretrained] if pretrained else None
        self.remarks: list[str] = []
        # Nothing, until weights are loaded that were trained so; a checkpoint keeps it.
        self.register_buffer("mean", torch.zeros(3, 1, 1))
        self.register_buffer("deviation", torch.ones(3, 1, 1))
        # By name, because it stands last in most and before a pooling in some.
        self.last = [name for name, m in self.model.named_modules() if [*m.parameters(False)]][-1]
        self.head: nn.Module = nn.Identity()
        if isinstance(last := self.model.get_submodule(self.last), nn.Linear):
            self.head = last
            self.model.set_submodule(self.last, nn.Identity())

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 1 or 3, H, W) to logits (B, outputs)."""
        scaled = (images.expand(-1, 3, -1, -1) - self.mean) / self.deviation
        logits: Tensor = self.head(self.model(scaled))
        return logits

    def load_pretrained(self) -> dict[str, str] | None:
        """Take over the weights that were asked for; the hook by which a net begins with its own.

        Returns:
            Where they are from, for the record; None if the net begins with what it was made with.

        Raises:
            DataError: If they cannot be opened, or are not this model's.
            FetchError: If they cannot be downloaded.
        """
        if self.pretrained is not None:
            state, source = _downloaded(self.pretrained), str(self.pretrained)
            record = {"path": self.pretrained.url}
        elif self.weights:
            file = Path(self.weights).expanduser()
            state, source = _opened(file), str(file)
            record = {"path": source, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
        else:
            return None
        self.remarks = [f"begins with {source}{self._take_over(state, source)}"]
        for buffer, values in ((self.mean, MEAN), (self.deviation, DEVIATION)):
            buffer.copy_(torch.tensor(values)[:, None, None])
        return record

    def _take_over(self, state: dict[str, Any], source: str) -> str:
        """Load a state by torchvision's own names; say what of it could not be used."""
        heads = {f"{self.last}.{name}": one for name, one in self.head.state_dict().items()}
        theirs = {name: state[name] for name in heads if name in state}
        said = ""
        if [*map(_shape, theirs.values())] != [*map(_shape, heads.values())]:
            classes = [len(one) for one in theirs.values() if isinstance(one, Tensor) and one.ndim]
            has = f"is for {classes[0]} classes there" if classes else "is not there"
            said = f"; the head {has} and drawn anew"
            theirs = {}
        body = {name: one for name, one in state.items() if name not in heads}
        if lines := listed(_differences(body, self.model.state_dict())):
            raise DataError(
                f"{source}: not the weights of this {type(self.model).__name__}:\n    {lines}\n"
                "Expected a state dict of the classifier that net.model names, as torchvision "
                "has it; weights=RUN takes those of a run."
            )
        self.model.load_state_dict(body)
        if theirs:
            self.head.load_state_dict(
                {n.removeprefix(f"{self.last}."): t for n, t in theirs.items()}
            )
        return said


def _shape(one: Any) -> Any:
    return one.shape if isinstance(one, Tensor) else None


def _differences(found: Mapping[str, Any], expected: Mapping[str, Tensor]) -> Iterator[str]:
    """Where a state is not of a model: names that are missing or too many, and other shapes."""
    yield from (f"{name}: is missing" for name in expected if name not in found)
    yield from (f"{name}: unexpected" for name in found if name not in expected)
    for name, one in expected.items():
        if name in found and _shape(found[name]) != one.shape:
            got = [*(_shape(found[name]) or ["no tensor"])]
            yield f"{name}: expected {[*one.shape]}, got {got}"


def _opened(file: Path) -> dict[str, Any]:
    if file.exists() and not file.is_file():  # a pipe would wait, and a device have no end
        raise DataError(f"{file}: cannot be opened as weights (it is no regular file).")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{file}: cannot be opened as weights ({first[:200]}).") from None
    within = [state.get(k) for k in ("state_dict", "model")] if isinstance(state, Mapping) else []
    inner = next((one for one in within if isinstance(one, Mapping)), state)
    if not isinstance(inner, Mapping) or not all(isinstance(name, str) for name in inner):
        raise DataError(f"{file}: expected a state dict, tensors by name.")
    return dict(inner)


def _downloaded(weights: Any) -> dict[str, Any]:
    try:
        state: dict[str, Any] = weights.get_state_dict(
            progress=False, check_hash=True, weights_only=True
        )
    except (RuntimeError, OSError, http.client.HTTPException, pickle.UnpicklingError) as error:
        raise FetchError(
            f"net.pretrained={weights}: {weights.url} was not delivered ({error}). Where you have "
            "the file, net.weights=FILE takes it."
        ) from None
    return state
