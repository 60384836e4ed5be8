"""How fast Seedbed is beside what its users would otherwise write: `make bench`."""
