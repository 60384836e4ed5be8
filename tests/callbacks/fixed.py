"""Data for callbacks that look at a test."""

from seedbed.data.rows import Rows, RowsDataModule, RowSplits


class Fixed(RowsDataModule):
    """The same rows for each part."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(batch_size=2)
        self.rows = rows

    def load(self) -> RowSplits:
        return RowSplits(self.rows, self.rows, self.rows, outputs=1)
