"""Files that people write, read strictly: YAML with the place of everything in it, and models.

`bot.settings` and `bot.adapters.runbook_files` read with these; both name all faults at once and alike.
"""

from bot.documents.modelling import checked
from bot.documents.reading import Document, Place, read_document

__all__ = ["Document", "Place", "checked", "read_document"]
