"""Points on a curve: regression on one variable."""

FORMER_TARGETS = {
    "seedbed.data.points.Line": "studies.points.points.Line",
    "seedbed.data.points.Sine": "studies.points.points.Sine",
    "seedbed.data.points.Cubic": "studies.points.points.Cubic",
    "seedbed.nets.polynomial.Polynomial": "studies.points.polynomial.Polynomial",
    "seedbed.optim.random_search.RandomSearch": "studies.points.random_search.RandomSearch",
}
"""Names of this study's classes in runs of version 1."""

FORMER_SETTINGS = ("prompt",)
"""Settings at the top level of such runs, which had those of all studies."""
