"""The contract of the metrics: names, help texts, and labels that stay few."""

from __future__ import annotations

from bot.telemetry import REGISTRY

ALLOWED_LABELS = {
    "reason",
    "outcome",
    "severity",
    "method",
    "check",
    "action",
    "job",
    "loop",
    "hash",  # of the audit's newest entry; older ones are cleared
    "surface",
    "kind",
    "le",
}


def test_every_metric_is_ours_and_says_what_it_is() -> None:
    """The prefix, a help text, base units."""
    families = [
        family for family in REGISTRY.collect() if not family.name.startswith(("process_", "python_"))
    ]
    assert families
    for family in families:
        assert family.name.startswith("lightship_"), family.name
        assert family.documentation, family.name
        assert not family.name.endswith(("_ms", "_milliseconds", "_minutes"))


def test_labels_come_from_a_short_list() -> None:
    """No label can carry a text of an alert or a user."""
    for metric in REGISTRY._collector_to_names:
        names = set(getattr(metric, "_labelnames", ()))
        assert names <= ALLOWED_LABELS, metric
