"""From many measurements to one figure that says how far it can be trusted."""

from statistics import median


def spread(values, unit="", digits=1):
    """The median, and the least and the most in brackets."""
    low, middle, high = (f"{value:.{digits}f}" for value in (min(values), median(values), max(values)))
    return f"{middle}{unit} ({low}–{high})"


def ratios(ours, theirs):
    """Round by round, so that noise which lasts for a round falls on both sides."""
    return [one / other for one, other in zip(ours, theirs)]


def table(head, rows):
    """A Markdown table; text to the left, figures as they come."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)
