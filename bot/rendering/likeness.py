"""Blocks as text that people can read: golden files keep it beside the JSON, failed rehearsals print it."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def likeness(message: Json) -> str:
    """A message or a modal, roughly as it looks."""
    head = [f"text: {message['text']}"] if "text" in message else [f"modal: {message['title']['text']}"]
    return "\n".join([*head, "", *(_block(block) for block in message["blocks"])]) + "\n"


def _block(block: Json) -> str:
    match block["type"]:
        case "header":
            shown = f"# {block['text']['text']}"
        case "section":
            side = f"\n    {_element(block['accessory'])}" if "accessory" in block else ""
            shown = f"{block['text']['text']}{side}"
        case "context":
            shown = "  ".join(f"({element['text']})" for element in block["elements"])
        case "actions":
            shown = "  ".join(_element(element) for element in block["elements"])
        case "table":
            shown = "\n".join(" | ".join(cell["text"] for cell in row) for row in block["rows"])
        case "input":
            hint = f" ({block['hint']['text']})" if "hint" in block else ""
            shown = f"{block['label']['text']}: {_element(block['element'])}{hint}"
        case _:
            shown = "-" * 20
    return f"{shown}\n"


def _element(element: Json) -> str:
    if element["type"] == "button":
        sure = f"? {element['confirm']['text']['text']}" if "confirm" in element else ""
        return f"[{element['text']['text']} -> {element['action_id']}{sure}]"
    if element["type"] == "static_select":
        return "{" + ", ".join(option["value"] for option in element["options"]) + "}"
    return f"<{element['type']}>"
