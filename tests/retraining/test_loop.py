from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.actors import LIGHTSHIP
from bot.domain.approvals import DecisionWord
from bot.domain.commands import OutcomeReason, RequestRemediation
from bot.domain.events import EventKind
from bot.domain.incidents import Resolution, end
from bot.domain.messages import MessageKind
from bot.domain.remedies import Action, ExecutionState
from bot.engines.noting import show
from bot.ports.readers import Evaluation
from bot.rehearsal.faults import Fault
from tests.acting import ALICE, NAMESPACE
from tests.making import make_drift_report, make_incident
from tests.planning import ALIAS, MODEL, ask, undo_of
from tests.retraining.conftest import TRAINING
from tests.retraining.making import drifted, emptied, make_version, moved
from tests.worlds.objects import cron_job

if TYPE_CHECKING:
    from bot.domain.approvals import Approval
    from bot.domain.incidents import Incident
    from tests.retraining.conftest import Loop

DRIFT = drifted(moved("tenure", 0.8), moved("age", 0.3))


async def open_drift(loop: Loop) -> Incident:
    """DataDriftDetected is open."""
    async with loop.bench.store.transaction() as tx:
        return await tx.incidents.save(make_incident(runbook="drift"))


async def proposed(loop: Loop) -> Approval:
    """A drift report came, and a retraining was proposed."""
    await loop.report(DRIFT)
    assert await loop.proposing.step() == 1
    (approval,) = await loop.bench.waiting()
    return approval


async def version_in_production(loop: Loop) -> str:
    """What the alias names."""
    return (await loop.bench.world.models.version_by_alias(name=MODEL, alias=ALIAS)).version


def train_a_candidate(loop: Loop, number: str = "8", accuracy: float = 0.931) -> None:
    """What the pipeline does before its Job ends: it registers, and measures production on the same rows."""
    bench = loop.bench
    made = replace(
        make_version(number, days=0, accuracy=accuracy, roc_auc=0.96), created_at=bench.clock.now()
    )
    bench.world.models.register(made)
    run = Evaluation(run_id="e", at=bench.clock.now(), metrics={"accuracy": 0.86, "roc_auc": 0.9})
    bench.world.models.evaluate(MODEL, "7", run)


async def trained(loop: Loop, approval: Approval, number: str = "8", accuracy: float = 0.931) -> None:
    """Somebody approves it; while its Job runs the pipeline registers a candidate."""
    await loop.bench.press(loop.start, approval)
    train_a_candidate(loop, number, accuracy)
    await loop.start.work()


async def test_drift_leads_to_a_new_model_in_production(loop: Loop) -> None:
    """Report, proposal, approval, Job, comparison, request, approval, alias: and the undo brings it back."""
    incident = await open_drift(loop)
    approval = await proposed(loop)
    assert (approval.requester, approval.incident_id) == (LIGHTSHIP, incident.id)
    assert approval.reason == "the drift score is 0.46, above 0.3 (tenure, age)"
    assert approval.plan.notes[0] == "it runs busybox"
    assert "for it: the drift score is 0.46, above 0.3 (tenure, age)" in approval.plan.notes
    assert approval.plan.observed["newest_version"] == 7
    await trained(loop, approval)
    assert await loop.bench.outcome(approval) == ("succeeded", "the Job is complete")
    assert await loop.following.step() == 1
    told = await loop.event(f"{approval.id}/followed")
    assert told is not None
    assert told.detail["summary"] == (
        "The training has ended: version 8 is better than version 7 in production: "
        "accuracy 0.86 → 0.931 (+7.1 points)"
    )
    (promotion,) = await loop.bench.waiting()
    assert (promotion.plan.action, promotion.incident_id) == (Action.PROMOTE, incident.id)
    assert promotion.plan.arguments == {"version": 8}
    assert "accuracy 0.86 → 0.931" in promotion.reason
    assert await version_in_production(loop) == "7"
    await loop.approved(promotion)
    assert await version_in_production(loop) == "8"
    wish = undo_of(promotion.plan, promotion.id)
    await loop.start.approving.request(RequestRemediation(request=wish, actor=ALICE))
    (undo,) = await loop.bench.waiting()
    await loop.approved(undo)
    assert await version_in_production(loop) == "7"


async def test_the_thread_gets_the_table_and_the_picture(loop: Loop) -> None:
    """What came of it is an entry, a finding with its table, and a picture to be drawn; told once."""
    incident = await open_drift(loop)
    approval = await proposed(loop)
    await trained(loop, approval)
    await loop.following.step()
    assert await loop.following.step() == 0
    shown = [one for one in await loop.messages(MessageKind.FINDINGS) if one.incident_id == incident.id]
    assert [one.subject for one in shown] == [f"{incident.id}/candidate"]
    async with loop.bench.store.transaction() as tx:
        (finding,) = await tx.findings.of_incident(incident.id)
        (picture,) = await tx.files.claim(until=tx.now + timedelta(minutes=1), limit=5)
    assert finding.table is not None
    assert finding.table.rows[0] == ("accuracy", "0.86", "0.931", "+0.071", "better")
    assert picture.name == "candidate.png"
    assert len(await loop.bench.events(incident, EventKind.TRAINING_FOLLOWED)) == 1


async def test_a_training_says_how_far_it_is(loop: Loop) -> None:
    """While the Job runs the request's message tells what its pods do."""
    loop.bench.world.state._jobs_take = timedelta(minutes=30)
    approval = await proposed(loop)
    await loop.bench.press(loop.start, approval)
    seen: set[str] = set()
    real = loop.bench.clock.sleep

    async def look(seconds: float) -> None:
        found = await loop.bench.execution(approval.id)
        seen.add(found.outcome if found else "")
        await real(seconds)

    loop.bench.clock.sleep = look  # type: ignore[method-assign]  # the moment between two looks
    await loop.start.work()
    assert "1 pod running, 0 of 1 done" in seen
    assert await loop.bench.outcome(approval) == ("succeeded", "the Job is complete")


async def test_a_worse_candidate_is_told_and_not_asked_about(loop: Loop) -> None:
    """Production stays, and people are told how to ask all the same."""
    await open_drift(loop)
    approval = await proposed(loop)
    await trained(loop, approval, accuracy=0.8)
    await loop.following.step()
    told = await loop.event(f"{approval.id}/followed")
    assert told is not None
    assert told.detail["next"] == "Production stays; `/churn promote 8` asks for it all the same"
    assert await loop.bench.waiting() == []


async def test_a_training_that_registers_nothing(loop: Loop) -> None:
    """An older candidate is not taken for the new one: the plan remembers the newest version before it."""
    loop.bench.world.models.register(make_version("8", days=9, accuracy=0.99))
    approval = await proposed(loop)
    assert approval.plan.observed["newest_version"] == 8
    await loop.approved(approval)
    await loop.following.step()
    told = await loop.event(f"{approval.id}/followed")
    assert told is not None
    assert told.detail["next"] == "It registered no new version, so there is nothing to move the alias to"
    assert await loop.bench.waiting() == []


async def test_a_failed_training_shows_its_pods_logs(loop: Loop) -> None:
    """The Job fails: the thread gets why, the last lines, and the whole log as a file."""
    incident = await open_drift(loop)
    approval = await proposed(loop)
    loop.fail_jobs()
    await loop.approved(approval)
    assert (await loop.bench.outcome(approval))[0] == ExecutionState.NO_EFFECT.value
    await loop.following.step()
    (event,) = await loop.bench.events(incident, EventKind.TRAINING_FOLLOWED)
    assert str(event.detail["summary"]).startswith("The training failed: the last run failed")
    (file,) = await loop.messages(MessageKind.FILE)
    async with loop.bench.store.transaction() as tx:
        (finding,) = await tx.findings.of_incident(incident.id)
        stored = await tx.files.get(file.subject)
    assert "log: KeyError: 'tenure'" in finding.details
    assert stored is not None
    assert b"train-1/train\nKeyError: 'tenure'" in (stored.content or b"")
    assert await loop.bench.waiting() == []


async def test_without_an_incident_the_log_goes_below_the_request(loop: Loop) -> None:
    """Somebody asked by the slash command; the training fails, and its pods' log is in that thread."""
    wish = ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name=TRAINING)
    await loop.start.approving.request(RequestRemediation(request=wish, actor=ALICE))
    (approval,) = await loop.bench.waiting()
    loop.fail_jobs()
    await loop.approved(approval)
    assert await loop.following.step() == 1
    (file,) = await loop.messages(MessageKind.FILE)
    async with loop.bench.store.transaction() as tx:
        asked = await tx.messages.find(MessageKind.APPROVAL, approval.id)
        stored = await tx.files.get(file.subject)
    assert asked is not None
    assert (file.thread_of, file.channel, file.incident_id) == (asked.id, "C0CHURN", None)
    assert stored is not None
    assert b"KeyError: 'tenure'" in (stored.content or b"")


async def test_a_request_of_an_incident_that_is_over_is_told_in_its_thread(loop: Loop) -> None:
    """The request stands in a thread, which has none of its own: what follows goes beside it."""
    incident = await open_drift(loop)
    async with loop.bench.store.transaction() as tx:
        await show(tx, loop.bench.ids, incident)
    approval = await proposed(loop)
    await trained(loop, approval)
    await loop.bench.resolve(incident)
    await loop.following.step()
    (notice,) = await loop.messages(MessageKind.NOTICE)
    async with loop.bench.store.transaction() as tx:
        parent = await tx.messages.find(MessageKind.INCIDENT, str(incident.id))
    assert parent is not None
    assert notice.thread_of == parent.id


async def test_a_registry_that_does_not_answer_is_asked_at_the_next_tick(loop: Loop) -> None:
    """What could not be told is no reason to rest for hours; an answer, whatever it is, is."""
    loop.bench.world.models.register(make_version("7", days=40, alias=True, accuracy=0.861))
    loop.bench.world.faults.switch_on("models", Fault.SERVER_ERROR)
    assert await loop.proposing.step() == 0
    loop.bench.world.faults.switch_off()
    loop.bench.pass_time(60)
    assert await loop.proposing.step() == 1
    (approval,) = await loop.bench.waiting()
    assert approval.reason == "version 7 is 40 days old, more than 30 days"


async def test_a_registry_that_is_away_is_waited_for(loop: Loop) -> None:
    """Nothing is told while it does not answer; after a quarter of an hour people are told to compare."""
    approval = await proposed(loop)
    await trained(loop, approval)
    loop.bench.world.faults.switch_on("models", Fault.SERVER_ERROR)
    assert await loop.following.step() == 0
    loop.bench.pass_time(16 * 60)
    assert await loop.following.step() == 1
    told = await loop.event(f"{approval.id}/followed")
    assert told is not None
    assert told.detail["next"] == "It could not be compared; `/churn candidate` compares it later"


async def test_without_an_incident_it_is_told_below_the_request(loop: Loop) -> None:
    """A model that grew old has no alert: the outcome is a message in the thread of the request."""
    approval = await proposed(loop)
    assert approval.incident_id is None
    await trained(loop, approval)
    await loop.following.step()
    (notice,) = await loop.messages(MessageKind.NOTICE)
    async with loop.bench.store.transaction() as tx:
        asked = await tx.messages.find(MessageKind.APPROVAL, approval.id)
    assert asked is not None
    assert (notice.thread_of, notice.channel) == (asked.id, "C0CHURN")
    told = await loop.event(notice.subject)
    assert told is not None
    assert "accuracy · 0.86 · 0.931 · +0.071 · better" in str(told.detail["text"])
    async with loop.bench.store.transaction() as tx:
        (picture,) = await tx.files.claim(until=tx.now + timedelta(minutes=1), limit=5)
    assert (picture.name, picture.thread_of, picture.incident_id) == ("candidate.png", asked.id, None)
    (promotion,) = await loop.bench.waiting()
    assert promotion.incident_id is None


async def test_an_incident_that_is_over_meanwhile_does_not_lose_the_question(loop: Loop) -> None:
    """The alert ended while it trained: the request for the alias goes into the channel."""
    incident = await open_drift(loop)
    approval = await proposed(loop)
    await trained(loop, approval)
    async with loop.bench.store.transaction() as tx:
        over = end(await tx.incidents.get(incident.id) or incident, Resolution.ALERTS_RESOLVED, now=tx.now)
        assert over is not None
        await tx.incidents.save(over)
    await loop.following.step()
    (promotion,) = await loop.bench.waiting()
    assert (promotion.plan.action, promotion.incident_id) == (Action.PROMOTE, None)


async def test_the_same_drift_is_proposed_once_a_day(loop: Loop) -> None:
    """The next report says the same; nobody is asked again while it waits, nor after a no, for a day."""
    approval = await proposed(loop)
    loop.bench.pass_time(3600)
    await loop.report(DRIFT)
    assert await loop.proposing.step() == 0
    await loop.bench.press(loop.start, approval, DecisionWord.DENY)
    loop.bench.pass_time(3600)
    await loop.report(DRIFT)
    assert await loop.proposing.step() == 0
    loop.bench.pass_time(23 * 3600)
    await loop.report(DRIFT)
    assert await loop.proposing.step() == 1


async def test_nothing_new_is_not_weighed_again(loop: Loop) -> None:
    """A report is weighed once; without one the model's age and accuracy are, every six hours."""
    await loop.report(make_drift_report(score=0.1))
    assert await loop.proposing.step() == 0
    loop.bench.world.faults.switch_on("cluster", Fault.SERVER_ERROR)
    assert await loop.proposing.step() == 0
    loop.bench.world.faults.switch_off("cluster")
    loop.bench.pass_time(19 * 86_400)
    assert await loop.proposing.step() == 1
    (approval,) = await loop.bench.waiting()
    assert approval.reason.startswith("version 7 is 31 days old, more than 30 days")


async def test_broken_data_is_refused_to_the_clock_and_to_people(loop: Loop) -> None:
    """Neither proposes Lightship it nor can somebody ask for it: the sentence says which column."""
    await loop.report(drifted(emptied("tenure", 0.4)))
    assert await loop.proposing.step() == 0
    wish = ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name=TRAINING)
    outcome = await loop.start.approving.request(RequestRemediation(request=wish, actor=ALICE))
    assert outcome.reason is OutcomeReason.REFUSED
    assert outcome.sentence.startswith("Retraining is refused: the data looks broken: missing or never seen")
    assert "(tenure)" in outcome.sentence
    assert await loop.bench.waiting() == []


async def test_a_person_may_ask_though_nothing_speaks_for_it(loop: Loop) -> None:
    """It is planned, with a warning and the numbers that do not speak for it."""
    await loop.report(make_drift_report(score=0.1))
    wish = ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name=TRAINING)
    await loop.start.approving.request(RequestRemediation(request=wish, actor=ALICE))
    (approval,) = await loop.bench.waiting()
    assert "nothing that is known speaks for a retraining" in approval.plan.warnings
    assert "the drift score is 0.10, not above 0.3" in approval.plan.notes
    assert any("accuracy in production is unknown" in note for note in approval.plan.notes)


async def test_pods_of_a_training_are_not_restarted_in_place(loop: Loop) -> None:
    """A pod that failed stays with its log, whatever the template says; the plan tells."""
    manifest = cron_job(NAMESPACE)
    manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = "OnFailure"
    loop.bench.world.state.put(manifest)
    approval = await proposed(loop)
    assert approval.plan.call is not None
    assert '"restartPolicy":"Never"' in approval.plan.call.body
    assert "its pods are not restarted in place, so that the log of a failed one stays" in approval.plan.notes


async def test_two_trainings_a_week_and_no_third(loop: Loop) -> None:
    """The Jobs of the week are the budget: they are counted in the cluster, whoever asked."""
    loop.bench.rules = replace(loop.bench.rules, min_between=timedelta(0))
    for _ in range(2):
        wish = ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name=TRAINING)
        await loop.start.approving.request(RequestRemediation(request=wish, actor=ALICE))
        (approval,) = await loop.bench.waiting()
        await loop.approved(approval)
    wish = ask(Action.RETRAIN, NAMESPACE, kind="CronJob", name=TRAINING)
    outcome = await loop.start.approving.request(RequestRemediation(request=wish, actor=ALICE))
    assert "2 of the 2 trainings a week" in outcome.sentence
