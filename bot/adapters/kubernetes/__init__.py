"""Kubernetes behind the ports: one connection, a reader, a planner that can only dry-run, and a writer.

Only the client's transport and credentials are used (`kubernetes.aio`'s ApiClient): its typed classes import
every model there is. The client itself is imported by the first call, in a thread.
"""

from bot.adapters.kubernetes.connection import KubernetesConnection
from bot.adapters.kubernetes.own_rights import KubernetesOwnRights
from bot.adapters.kubernetes.planner import KubernetesPlanner
from bot.adapters.kubernetes.reader import KubernetesReader
from bot.adapters.kubernetes.writer import KubernetesWriter

__all__ = [
    "KubernetesConnection",
    "KubernetesOwnRights",
    "KubernetesPlanner",
    "KubernetesReader",
    "KubernetesWriter",
]
