"""Small data of each kind, drawn where it stands."""

import os
import random
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from seedbed.data.augment import Augment
from seedbed.data.parts import random_parts
from seedbed.data.pictures import image_files, names, read_picture
from seedbed.data.rows import NewRows, Rows, RowsDataModule, RowSplits
from seedbed.data.text import split_documents
from seedbed.data.tokens import TokensDataModule, TokenSplits, Windows
from seedbed.errors import SettingError


class Dots(RowsDataModule):
    """Points on y = 2x + 1 with noise of deviation 1; validation and test are drawn apart."""

    def __init__(
        self,
        *,
        points: int = 100,
        held_out: int = 1000,
        draw_seed: int = 42,
        batch_size: int | Literal["full"] = "full",
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise)
        if points < 1:
            raise SettingError(f"data.points={points}: expected 1 or more.")
        self.points, self.held_out, self.draw_seed = points, held_out, draw_seed

    def load(self) -> RowSplits:
        def part(count: int, seed: int) -> Rows:
            generator = torch.Generator().manual_seed(seed)
            x = 10 * torch.rand(count, 1, generator=generator) - 5
            return x, self.truth(x) + torch.randn(count, 1, generator=generator)

        return RowSplits(
            train=part(self.points, self.draw_seed),
            val=part(self.held_out, 1_000_001),
            test=part(self.held_out, 1_000_002),
            outputs=1,
            facts={"source": "drawn", "train": self.points},
            target="y",
            scale={"x": [0.0, 1.0]},
        )

    def truth(self, inputs: Tensor) -> Tensor:
        """The line."""
        return 2 * inputs + 1


class Parcel(Dots):
    """Dots that can be fetched."""

    def fetch(self) -> Path:
        """Make a folder where data are kept."""
        folder = Path(os.environ["SEEDBED_DATA_DIR"]) / "parcel"
        folder.mkdir()
        return folder


class Marks(RowsDataModule):
    """Hours of study and sleep, scaled, against passed: the odds grow with study, and by sleep."""

    kind = "binary"

    def __init__(
        self,
        *,
        split_seed: int = 42,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise)
        self.split_seed = split_seed

    def load(self) -> RowSplits:
        generator = torch.Generator().manual_seed(42)
        hours = torch.rand(2000, 2, generator=generator) * torch.tensor([10.0, 8.0])
        hours[:, 1] += 3
        odds = hours[:, :1] - 4 - (hours[:, 1:] - 8) ** 2 / 2
        passed = (torch.rand(2000, 1, generator=generator) < odds.sigmoid()).float()
        train, val, test = random_parts(
            2000, validation=0.1, test=0.2, seed=self.split_seed, source="the marks"
        )
        mean, deviation = hours[train].mean(0), hours[train].std(0, correction=0)
        inputs = (hours - mean) / deviation
        scale = torch.stack([mean, deviation], 1).tolist()
        return RowSplits(
            train=(inputs[train], passed[train]),
            val=(inputs[val], passed[val]),
            test=(inputs[test], passed[test]),
            outputs=1,
            facts={"source": "drawn", "train": len(train)},
            target="passed",
            scale=dict(zip(("study", "sleep"), scale, strict=True)),
        )

    def truth(self, inputs: Tensor) -> Tensor:
        """The rule's own probability of passing."""
        mean, deviation = torch.tensor([*self.state_dict()["scale"].values()]).T
        study, sleep = (mean + deviation * inputs).T
        return (study - 4 - (sleep - 8) ** 2 / 2).sigmoid()[:, None]


class Glyphs(RowsDataModule):
    """Scikit-learn's digits, (N, 1, 8, 8) from 0 to 1."""

    kind = "multiclass"
    provided_sizes: ClassVar = (*RowsDataModule.provided_sizes, "channels")

    def __init__(
        self,
        *,
        split_seed: int = 42,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
        augment: Augment | None = None,
    ) -> None:
        super().__init__(batch_size=batch_size, seed=seed, input_noise=input_noise, augment=augment)
        self.split_seed = split_seed

    def load(self) -> RowSplits:
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = torch.from_numpy(digits.images)[:, None].float() / 16
        labels = torch.from_numpy(digits.target)
        train, val, test = random_parts(
            len(images), validation=0.1, test=0.2, seed=self.split_seed, source="the digits"
        )
        return RowSplits(
            train=(images[train], labels[train]),
            val=(images[val], labels[val]),
            test=(images[test], labels[test]),
            outputs=10,
            facts={"source": "scikit-learn", "train": len(train)},
        )

    def read_inputs(self, source: Path) -> NewRows:
        """Read a grey image, or a folder of them, as 8 × 8 pixels."""
        files = image_files(source)
        small = [np.asarray(read_picture(file).convert("L").resize((8, 8))) for file in files]
        return NewRows(["file"], names(files, source), torch.tensor(np.stack(small))[:, None] / 255)


class Rhymes(TokensDataModule):
    """Poems of a title and four lines, of few characters."""

    def __init__(
        self,
        *,
        poems: int = 300,
        draw_seed: int = 42,
        context: int = 24,
        batch_size: int | Literal["full"] = 4,
        windows: Windows = "shuffled",
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(
            context=context,
            batch_size=batch_size,
            windows=windows,
            seed=seed,
            input_noise=input_noise,
        )
        self.poems, self.draw_seed = poems, draw_seed

    def load(self) -> TokenSplits:
        drawn = [*map(drawn_poem, [random.Random(self.draw_seed + i) for i in range(self.poems)])]
        facts = {"source": "drawn"}
        return split_documents(drawn.__iter__, seed=self.draw_seed, facts=facts, unit="poems")


def drawn_poem(draw: random.Random) -> str:
    season, place, form = draw.choice("春夏秋冬"), draw.choice("山江雪"), draw.choice(["長", "短"])
    lines = ["".join(draw.choices("花月風雨白青人家水雲" + season, k=5)) for _ in range(4)]
    return f"{season}{place}{form}歌\n{lines[0]}，{lines[1]}。\n{lines[2]}，{lines[3]}。"
