"""Kubernetes behind the ports: one connection, a reader, a planner that can only dry-run, and a scaler.

Only the client's transport and credentials are used (`kubernetes.aio`'s ApiClient): its typed classes import
every model there is. The client itself is imported by the first call, in a thread.
"""

from bot.adapters.kubernetes.connection import KubernetesConnection
from bot.adapters.kubernetes.planner import KubernetesScalePlanner
from bot.adapters.kubernetes.reader import KubernetesReader
from bot.adapters.kubernetes.scaler import KubernetesScaler

__all__ = ["KubernetesConnection", "KubernetesReader", "KubernetesScalePlanner", "KubernetesScaler"]
