"""Handwritten digits: which of ten an image shows."""

FORMER_TARGETS = {
    "seedbed.data.mnist.MNIST": "studies.mnist.mnist.MNIST",
    "seedbed.data.digits.Digits": "studies.mnist.digits.Digits",
}
"""Names of this study's classes in runs of version 1."""

FORMER_SETTINGS = ("prompt",)
"""Settings at the top level of such runs, which had those of all studies."""
