"""Scikit-learn's handwritten digits: 1,797 images of 8 × 8 pixels that come with it, no network."""

from typing import Literal

import torch

from seedbed.data.augment import Augment
from seedbed.data.parts import check_shares, random_parts
from seedbed.data.rows import RowSplits
from studies.mnist.images import DigitImages


class Digits(DigitImages):
    """Images (N, 1, 8, 8) with pixels from 0 to 1, against digits (N,).

    Args:
        validation: Share of the images that is for validation.
        test: Share of the images that is for test.
        split_seed: Fixes which image goes to which part.
        folds: Into how many folds the images that are not for test are dealt; null for none.
        fold: Which of them validates, from 0.
        batch_size: Images a batch, or `full`.
        seed: Fixes the order of the training images.
        input_noise: Deviation of the noise that training adds to the inputs.
        augment: How training moves its images.
    """

    image_box = 8
    image_centre = 4

    def __init__(
        self,
        *,
        validation: float = 0.1,
        test: float = 0.2,
        split_seed: int = 42,
        folds: int | None = None,
        fold: int | None = None,
        batch_size: int | Literal["full"] = 32,
        seed: int = 0,
        input_noise: float = 0.0,
        augment: Augment | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size,
            seed=seed,
            input_noise=input_noise,
            augment=augment,
            folds=folds,
            fold=fold,
        )
        check_shares(validation=validation, test=test)
        self.validation = validation
        self.test = test
        self.split_seed = split_seed

    def load(self) -> RowSplits:
        """Take the images from scikit-learn; their pixels are whole numbers from 0 to 16."""
        from sklearn.datasets import load_digits  # takes a second to import

        digits, source = load_digits(), "scikit-learn's digits"
        images = torch.from_numpy(digits.images)[:, None].float() / 16
        labels = torch.from_numpy(digits.target)
        parts = random_parts(
            len(images),
            validation=self.validation,
            test=self.test,
            seed=self.split_seed,
            source=source,
        )
        train, val, test = self.folded(parts, seed=self.split_seed, source=source)
        return RowSplits(
            train=(images[train], labels[train]),
            val=(images[val], labels[val]),
            test=(images[test], labels[test]),
            outputs=10,
            facts={
                "source": source,
                "train": len(train),
                "val": len(val),
                "test": len(test),
            },
        )
