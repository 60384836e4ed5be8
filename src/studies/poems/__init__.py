"""Classical Chinese verse: a net that writes it, character by character."""

FORMER_TARGETS = {
    "seedbed.data.poems.Poems": "studies.poems.poems.Poems",
    "seedbed.data.poems.PoemsTutorial": "studies.poems.poems.PoemsTutorial",
    "seedbed.data.verse.Verse": "studies.poems.verse.Verse",
    "seedbed.nets.gpt_tutorial.TutorialGPT": "studies.poems.gpt_tutorial.TutorialGPT",
}
"""Names of this study's classes in runs of version 1."""

FORMER_SETTINGS = ("prompt",)
"""Settings at the top level of such runs whose values stand where they are used."""
