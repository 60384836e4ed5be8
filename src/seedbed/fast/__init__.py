"""What makes runs faster and relies on private names of other packages.

Only `seedbed.speed` imports it, and the folder may be deleted.
"""

TESTED = {"torch": "2.14", "lightning": "2.6", "torchmetrics": "1.9"}
"""The versions whose private names are used here, as far as they say something of them."""
