"""Tables drawn from a rule, so that the best possible loss is known."""

FORMER_TARGETS = {
    "seedbed.data.exam.Exam": "studies.exam.exam.Exam",
    "seedbed.data.plane.Plane": "studies.exam.plane.Plane",
}
"""Names of this study's classes in runs of version 1."""

FORMER_SETTINGS = ("prompt",)
"""Settings at the top level of such runs, which had those of all studies."""
