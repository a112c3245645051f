"""Runbooks in YAML files: loaded strictly into `bot.domain.runbooks`, or all their faults at once.

Used by `bot.bootstrap` at start and by `lightship check`. Reading blocks: a running bot does it in a thread.
"""

from bot.adapters.runbook_files.loading import LoadedRunbooks, RunbookLoader, fingerprint, load_runbooks
from bot.adapters.runbook_files.models import RunbookFile
from bot.adapters.runbook_files.vocabulary import ACTIONS, CHECKS, Vocabulary

__all__ = [
    "ACTIONS",
    "CHECKS",
    "LoadedRunbooks",
    "RunbookFile",
    "RunbookLoader",
    "Vocabulary",
    "fingerprint",
    "load_runbooks",
]
