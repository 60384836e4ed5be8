"""What makes it faster and stands on other people's private names.

Only `seedbed.speed` comes here, and the folder may be deleted.
"""

TESTED = {"torch": "2.14", "lightning": "2.6", "torchmetrics": "1.9"}
"""The versions whose private names are used here, as far as they say something of them."""
