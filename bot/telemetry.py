"""What Lightship tells of itself in numbers: its own metrics, in a registry of their own.

Doors, engines and adapters import it; it imports nothing of them. Labels come from bounded sets of our own
words (reasons, outcomes, method names), never from alerts, users or answers of other systems. Log lines are
made with `bot.logs.Log`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

from bot.domain.remedies import Failure
from bot.domain.severity import Severity

if TYPE_CHECKING:
    from bot.domain.auditing import Head

REGISTRY: Final = CollectorRegistry(auto_describe=True)
"""The only registry that `GET /metrics` shows; nothing uses the client library's default one."""

ProcessCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

_SHORT: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_CALL: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)
_LONG: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
_HUMAN: Final = (30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0, 604800.0)

# --- the store
PRUNED: Final = Counter(
    "lightship_pruned_total",
    "Things removed from the store because of their age; by kind.",
    ["kind"],
    registry=REGISTRY,
)

# --- intake
ALERTS_RECEIVED: Final = Counter(
    "lightship_alerts_received_total", "Alerts read from webhooks, usable or not.", registry=REGISTRY
)
ALERTS_STORED: Final = Counter(
    "lightship_alerts_stored_total",
    "Alerts durably stored before their webhook was answered 200.",
    registry=REGISTRY,
)
ALERTS_REJECTED: Final = Counter(
    "lightship_alerts_rejected_total",
    "Alerts, or whole webhooks whose alerts could not be counted, that were not stored; by reason.",
    ["reason"],
    registry=REGISTRY,
)
for _reason in ("unauthorized", "too_large", "invalid", "unreadable", "bad_source"):
    # The first one of a series that begins with it would be no increase.
    ALERTS_REJECTED.labels(reason=_reason)

ALERTS_UNMATCHED: Final = Counter(
    "lightship_alerts_unmatched_total", "Alerts that no service's matchers took.", registry=REGISTRY
)
WEBHOOK_SECONDS: Final = Histogram(
    "lightship_webhook_duration_seconds",
    "Time from the last byte of a webhook to its answer; by answer.",
    ["outcome"],
    buckets=_SHORT,
    registry=REGISTRY,
)
INTAKE_QUEUE: Final = Gauge(
    "lightship_intake_queue_length", "Webhooks that wait for the next group commit.", registry=REGISTRY
)
INTAKE_BACKLOG: Final = Gauge(
    "lightship_intake_backlog", "Stored webhooks that are not part of an incident yet.", registry=REGISTRY
)
MERGE_FAILURES: Final = Counter(
    "lightship_merge_failures_total",
    "Merges of stored webhooks that failed; each is tried again until it succeeds.",
    registry=REGISTRY,
)

# --- incidents
INCIDENTS_OPEN: Final = Gauge(
    "lightship_incidents_open",
    "Incidents that are not resolved; by severity.",
    ["severity"],
    registry=REGISTRY,
)
TIME_TO_ACKNOWLEDGE: Final = Histogram(
    "lightship_incident_acknowledge_seconds",
    "Time from an incident's opening to its acknowledgement (MTTA); by severity.",
    ["severity"],
    buckets=_HUMAN,
    registry=REGISTRY,
)
TIME_TO_RESOLVE: Final = Histogram(
    "lightship_incident_resolve_seconds",
    "Time from an incident's opening to its resolve (MTTR); by severity.",
    ["severity"],
    buckets=_HUMAN,
    registry=REGISTRY,
)

for _severity in Severity:
    # A series that begins with its first incident has no increase: the mean over a day would leave it out.
    TIME_TO_ACKNOWLEDGE.labels(severity=_severity.value)
    TIME_TO_RESOLVE.labels(severity=_severity.value)

RECONCILIATIONS: Final = Counter(
    "lightship_reconciliations_total",
    "Comparisons of the incidents with what Alertmanager holds; by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
HEARTBEATS: Final = Counter(
    "lightship_heartbeats_total",
    "Receipts of the alert that always fires (`heartbeat` in the settings).",
    registry=REGISTRY,
)
ALERTMANAGER_SILENCES: Final = Counter(
    "lightship_alertmanager_silences_total",
    "Times that Alertmanager was found to be silent: its heartbeat stayed away.",
    registry=REGISTRY,
)

ESCALATIONS: Final = Counter(
    "lightship_escalation_judgements_total",
    "Looks at an escalation rule of an open incident; by outcome (`escalates`, `no_answer`, ...).",
    ["outcome"],
    registry=REGISTRY,
)
REMINDERS: Final = Counter(
    "lightship_reminders_total",
    "Reminders of incidents that nobody has acknowledged; by severity.",
    ["severity"],
    registry=REGISTRY,
)

CHECKS_SKIPPED: Final = Counter(
    "lightship_checks_skipped_total",
    "Incidents whose checks were left out because a storm's digest stands for them.",
    registry=REGISTRY,
)
CALLS_REFUSED: Final = Counter(
    "lightship_check_calls_refused_total",
    "Calls of checks that were skipped because the budget of calls was used up.",
    registry=REGISTRY,
)
RUNBOOK_LOADS: Final = Counter(
    "lightship_runbook_loads_total",
    "Changes of the runbooks' files that were taken in (`loaded`) or had a fault (`refused`).",
    ["outcome"],
    registry=REGISTRY,
)
RUNBOOKS_LOADED_AT: Final = Gauge(
    "lightship_runbooks_last_load_timestamp_seconds",
    "When changed runbooks were last taken in without a fault, in seconds since the epoch.",
    registry=REGISTRY,
)
RETRAINING_DECISIONS: Final = Counter(
    "lightship_retraining_decisions_total",
    "Times that what speaks for and against a retraining was weighed; by what followed.",
    ["outcome"],
    registry=REGISTRY,
)
STORMS: Final = Counter("lightship_storms_total", "Storms that a digest was begun for.", registry=REGISTRY)
GATHERED: Final = Counter(
    "lightship_gathered_incidents_total",
    "Incidents that a digest showed in place of a message of their own.",
    registry=REGISTRY,
)

# --- publishing
UNDELIVERED: Final = Gauge(
    "lightship_undelivered_messages",
    "Messages that Slack does not show in their latest state.",
    registry=REGISTRY,
)
UNDELIVERED_FAILING: Final = Gauge(
    "lightship_undelivered_failing_messages", "Those of them that failed at least once.", registry=REGISTRY
)
UNDELIVERED_AGE: Final = Gauge(
    "lightship_undelivered_oldest_age_seconds",
    "Age of the oldest message that Slack does not show in its latest state; 0 when there is none.",
    registry=REGISTRY,
)
WEBHOOK_TO_SLACK: Final = Histogram(
    "lightship_webhook_to_slack_seconds",
    "Time from the acceptance of an incident's first webhook to its first message in Slack.",
    buckets=_LONG,
    registry=REGISTRY,
)
PUBLISHED: Final = Counter(
    "lightship_publishing_total",
    "Attempts to bring a message to its latest state; by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
MESSAGES_PLAIN: Final = Counter(
    "lightship_messages_plain_total",
    "Messages that went out as plain text because Slack refused their blocks or their length.",
    registry=REGISTRY,
)
PICTURES: Final = Counter(
    "lightship_pictures_total",
    "Pictures drawn for threads, by outcome: drawn, postponed (tried again later), given_up.",
    ["outcome"],
    registry=REGISTRY,
)
FALLBACKS: Final = Counter(
    "lightship_fallbacks_total",
    "Attempts to tell the fallback of an incident that Slack does not show; by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
SLACK_CALLS: Final = Counter(
    "lightship_slack_calls_total",
    "Calls of Slack's Web API; by method and outcome.",
    ["method", "outcome"],
    registry=REGISTRY,
)
SLACK_CALL_SECONDS: Final = Histogram(
    "lightship_slack_call_duration_seconds",
    "Duration of calls of Slack's Web API; by method.",
    ["method"],
    buckets=_CALL,
    registry=REGISTRY,
)

# --- checks, remediations, approvals
CHECKS: Final = Counter(
    "lightship_checks_total", "Checks run; by name and verdict.", ["check", "outcome"], registry=REGISTRY
)
CHECK_SECONDS: Final = Histogram(
    "lightship_check_duration_seconds",
    "Duration of checks; by name.",
    ["check"],
    buckets=_CALL,
    registry=REGISTRY,
)
REMEDIATIONS: Final = Counter(
    "lightship_remediations_total",
    "Approved remediations that came to an end; by action and outcome.",
    ["action", "outcome"],
    registry=REGISTRY,
)
REMEDIATION_FAILURES: Final = Counter(
    "lightship_remediation_failures_total",
    "Approved remediations that ended as failed or needs_human; by why.",
    ["reason"],
    registry=REGISTRY,
)
REMEDIATION_SECONDS: Final = Histogram(
    "lightship_remediation_duration_seconds",
    "Time from the intent to the end; by action.",
    ["action"],
    buckets=_LONG,
    registry=REGISTRY,
)
APPROVALS: Final = Counter(
    "lightship_approvals_total",
    "Requests for approval that came to an end; by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
APPROVAL_WAIT: Final = Histogram(
    "lightship_approval_wait_seconds",
    "Time from a request for approval to its end; by outcome.",
    ["outcome"],
    buckets=_HUMAN,
    registry=REGISTRY,
)

AUDIT_ENTRIES: Final = Gauge(
    "lightship_audit_entries",
    "Number of the audit's newest entry; by its hash, for `lightship audit verify --head`.",
    ["hash"],
    registry=REGISTRY,
)

VERIFICATIONS: Final = Counter(
    "lightship_verifications_total",
    "Actions whose effect was watched to its end; by outcome.",
    ["outcome"],
    registry=REGISTRY,
)
GLASS_BROKEN: Final = Counter(
    "lightship_glass_broken_total",
    "Requests that their own requester approved alone in an emergency; by action.",
    ["action"],
    registry=REGISTRY,
)
ACTIONS_FROZEN: Final = Gauge(
    "lightship_actions_frozen",
    "Whether somebody has frozen all actions (1), as this replica last saw it.",
    registry=REGISTRY,
)

DRIFT_TRACKED: Final = Counter(
    "lightship_drift_tracked_total",
    "Attempts to tell MLflow of a drift run; by outcome: told, postponed (tried again), given_up.",
    ["outcome"],
    registry=REGISTRY,
)

# --- the bot itself
SCHEDULER_RUNS: Final = Counter(
    "lightship_scheduler_runs_total",
    "Ticks that this replica ran; by job and outcome.",
    ["job", "outcome"],
    registry=REGISTRY,
)
SCHEDULER_LAST_SUCCESS: Final = Gauge(
    "lightship_scheduler_last_success_timestamp_seconds",
    "When a job last succeeded on this replica, in seconds since the epoch; by job.",
    ["job"],
    registry=REGISTRY,
)
LOOP_ERRORS: Final = Counter(
    "lightship_loop_errors_total", "Errors that a loop outlived; by loop.", ["loop"], registry=REGISTRY
)
STORE_UP: Final = Gauge(
    "lightship_store_up", "Whether the store answered when these metrics were read.", registry=REGISTRY
)
ROWS_UNREADABLE: Final = Counter(
    "lightship_store_unreadable_rows_total",
    "Rows that were passed over because a newer version wrote what this one does not know; by kind.",
    ["kind"],
    registry=REGISTRY,
)
DOOR_TASKS: Final = Gauge(
    "lightship_door_tasks",
    "Presses and slash commands being worked on after their acknowledgement.",
    registry=REGISTRY,
)
DOOR_COMMANDS: Final = Counter(
    "lightship_door_commands_total",
    "Presses, submissions and slash commands; by surface and outcome.",
    ["surface", "outcome"],
    registry=REGISTRY,
)


for _failure in Failure:
    # A runbook's evidence is the increase of one of them, which the first of its kind would not have.
    REMEDIATION_FAILURES.labels(reason=_failure.value)


def show_audit_head(head: Head) -> None:
    """Show the audit's newest entry, and no older one."""
    AUDIT_ENTRIES.clear()
    AUDIT_ENTRIES.labels(hash=head.hash).set(head.number)
