"""The bot knows no service: what it watches is configuration."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICES = ("churn", "payment")


def test_no_code_names_a_service_that_ships_as_an_example() -> None:
    """Neither of the two shipped examples is named anywhere in the bot or its doors, in code or in words."""
    named = [
        f"{path.relative_to(ROOT)}: {service}"
        for folder in ("bot", "handlers")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and path.suffix in {".py", ".html", ".js", ".css"}
        for service in SERVICES
        if service in path.read_text(encoding="utf-8").lower()
    ]
    assert named == [], "\n".join(named)
