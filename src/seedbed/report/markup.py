"""A comparison's ranking as a table for a paper or a page: LaTeX and Markdown."""

from seedbed.report.comparison import Comparison
from seedbed.report.tables import columns, rows


def as_markdown(comparison: Comparison) -> str:
    """The ranking as a table of Markdown."""
    sides = {"left": ":--", "right": "--:"}
    heads = columns(comparison)
    lines = [[name for name, _ in heads], [sides[side] for _, side in heads], *rows(comparison)]
    escaped = ([cell.replace("|", "\\|") for cell in cells] for cells in lines)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in escaped)


def as_latex(comparison: Comparison) -> str:
    """The ranking as a `tabular` of LaTeX, with the rules of its package booktabs."""
    heads = columns(comparison)
    first, *others = (
        " & ".join(map(_latex, cells)) + r" \\"
        for cells in ([name for name, _ in heads], *rows(comparison))
    )
    sides = "".join(side[0] for _, side in heads)
    begin = rf"\begin{{tabular}}{{{sides}}}"
    rules = [r"\toprule", first, r"\midrule", *others, r"\bottomrule"]
    return "\n".join([begin, *rules, r"\end{tabular}"])


LATEX: dict[str, str | int | None] = {
    "\\": r"\textbackslash{}",
    "±": r"$\pm$",
    "–": "--",
    "²": "$^2$",
}
LATEX |= {character: f"\\{character}" for character in "#$%&_{}"}
LATEX |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
"""What LaTeX would take for a command, or lacks."""


def _latex(words: str) -> str:
    return words.translate(str.maketrans(LATEX))
