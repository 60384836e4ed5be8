"""The study NAME: a LightningModule and a LightningDataModule of one's own."""
