"""Drift reports behind `bot.ports.comparing.Comparer`: a process of its own for each, with a limit of memory.

It comes up for a run and ends with it, so that nothing of a large comparison stays, and one that needs more
than it may have takes nothing with it but itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from bot.adapters.workers import Worker, WorkerEnded, WorkerFailed
from bot.domain import comparisons, drift, drift_runs
from bot.domain.comparisons import Compared, DriftComparison
from bot.domain.errors import LightshipError, NotFound, Permanent, Temporary
from bot.domain.outside_text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

_NAMES: Final[Mapping[str, Any]] = {
    "Mapping": Mapping,
    "datetime": datetime,
    "timedelta": timedelta,
    **vars(drift),
    **vars(drift_runs),
    **vars(comparisons),
}
_ERRORS: Final[dict[str, type[LightshipError]]] = {
    "not_found": NotFound,
    "permanent": Permanent,
    "temporary": Temporary,
}
_PASSES: Final = r"(?:AWS_|GOOGLE_|AZURE_|FSSPEC_|SSL_)|(?:https?|no|all)_proxy\Z"
"""What reads data at an address is told by its own variables how."""
_LARGEST_ANSWER: Final = 32_000_000
_MEGABYTE: Final = 1 << 20


def comparison_adapter() -> TypeAdapter[DriftComparison]:
    """Comparisons as JSON and back; both sides of the pipe use it."""
    adapter: TypeAdapter[DriftComparison] = TypeAdapter(DriftComparison)
    adapter.rebuild(force=True, _types_namespace=_NAMES)
    return adapter


def answer(question: bytes, compare: Callable[[DriftComparison], Compared]) -> bytes:
    """The other side's answer: what was compared, or one of our errors by its word."""
    try:
        compared = compare(comparison_adapter().validate_json(question))
    except LightshipError as error:
        word = next(name for name, kind in _ERRORS.items() if isinstance(error, kind))
        return json.dumps({"error": word, "message": str(error)}).encode()
    profile = compared.profile
    head = {"profile": None if profile is None else base64.b64encode(profile).decode()}
    return json.dumps(head).encode() + b"\n" + _report_adapter().dump_json(compared.report)


class DriftProcesses:
    """`bot.ports.comparing.Comparer`, one process for each run."""

    def __init__(self, module: str = "bot.adapters.drift_worker") -> None:
        self._module = module

    async def compare(self, comparison: DriftComparison) -> Compared:
        """Compare within the comparison's limits. Raises Permanent or Temporary, in words for people."""
        worker = Worker(
            self._module,
            what="the process that compares",
            timeout=comparison.time_limit.total_seconds(),
            memory=comparison.memory,
            most_bytes=_LARGEST_ANSWER,
            passes=_PASSES,
            # Threads of a pool would each keep memory for themselves, and so would Arrow's own allocator.
            environment={
                "OPENBLAS_NUM_THREADS": "1",
                "OMP_NUM_THREADS": "1",
                "ARROW_DEFAULT_MEMORY_POOL": "system",
            },
        )
        try:
            output = await worker.ask(comparison_adapter().dump_json(comparison))
        except WorkerFailed as error:
            raise _failure(comparison, str(error)) from error
        except WorkerEnded as error:
            # Arrow and OpenBLAS end the process when an allocation fails, where Python would raise.
            raise Temporary(f"{error}; most likely it needed more than {_too_little(comparison)}") from error
        finally:
            await worker.aclose()
        return _compared(output)


def _failure(comparison: DriftComparison, said: str) -> Permanent:
    if "more memory" not in said:
        return Permanent(f"the drift report could not be made: {one_line(said, limit=300)}")
    return Permanent(f"the drift report needs more than {_too_little(comparison)}")


def _too_little(comparison: DriftComparison) -> str:
    return (
        f"the {comparison.memory / _MEGABYTE:,.0f} MiB that it may have (`drift.memory`; a saved profile in "
        "place of the reference's rows, and Parquet in place of CSV, need less)"
    )


def _compared(output: bytes) -> Compared:
    head, _, body = output.partition(b"\n")
    try:
        about = json.loads(head)
        if "error" in about:
            raise _ERRORS.get(str(about["error"]), Permanent)(str(about["message"]))
        profile = about["profile"]
        return Compared(
            report=_report_adapter().validate_json(body),
            profile=None if profile is None else base64.b64decode(profile),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise Temporary("what the process that compares said cannot be read") from error


def _report_adapter() -> TypeAdapter[drift.DriftReport]:
    adapter: TypeAdapter[drift.DriftReport] = TypeAdapter(drift.DriftReport)
    adapter.rebuild(force=True, _types_namespace=_NAMES)
    return adapter
