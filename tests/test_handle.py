"""What is left undone is done later: events without a rule, rules that derive more than before, a worker cut short."""

from __future__ import annotations

import dataclasses
import sqlite3

import pytest

from consumers import derive as second_step
from consumers import handle as both_steps
from consumers.catch_up import catch_up
from consumers.handle import handle
from consumers.kind import FEATURE_GROUP, TRANSFORM_JOB
from consumers.resources import EVENTS, RESOURCE_TYPES, feature_group
from consumers.resources.feature_group import FeatureGroup
from consumers.resources.types import Lookup, Resource
from ingest.delivery import Delivery
from store.database import Store, Unavailable
from store.digest import digest
from store.ledger import events
from store.lineage import Lineage
from store.status import status
from tests.support.events import case_events
from tests.support.stores import MakeStore, fed

FEATURE_GROUP_EVENT = "SageMaker Feature Group State Change"
GROUP = case_events("feature_group")
ABALONE = case_events("abalone")


def test_events_that_no_rule_knew_are_derived_the_day_one_does(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = digest(fed(make_store(), GROUP))
    store = make_store()
    with monkeypatch.context() as earlier:
        earlier.delitem(EVENTS, FEATURE_GROUP_EVENT)
        settlement = handle([Delivery(body) for body in GROUP], store)
    assert (settlement.kept, settlement.derived) == ({FEATURE_GROUP_EVENT: len(GROUP)}, 0)
    assert digest(store)[1] == {}
    assert catch_up(store) > 0
    assert digest(store) == want
    assert store.read(events.counts) == {"derived": {FEATURE_GROUP_EVENT: len(GROUP)}}
    assert catch_up(store) == 0


def test_a_rule_that_says_something_else_is_applied_to_what_is_known(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = fed(make_store(), [*GROUP, *ABALONE])

    def silent(group: Resource[FeatureGroup], lookup: Lookup) -> Lineage:
        return Lineage(feature_group.lineage(group, lookup).entities[:1])

    rule = feature_group.TYPE
    changed = dataclasses.replace(rule, lineage=silent, version=rule.version + 1)
    monkeypatch.setitem(RESOURCE_TYPES, FEATURE_GROUP, changed)
    assert catch_up(store) == 1
    assert catch_up(store) == 0
    assert digest(store) == digest(fed(make_store(), [*ABALONE, *GROUP]))


def test_a_worker_cut_short_between_its_two_steps_leaves_nothing_undone(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    want = digest(fed(make_store(), ABALONE))
    store = make_store()
    batch = [Delivery(body) for body in ABALONE]

    def cut(*_: object) -> tuple[int, int]:
        raise Unavailable("the power went")

    with monkeypatch.context() as moment:
        moment.setattr(both_steps, "derive", cut)  # SQLite takes both steps in one transaction
        moment.setattr(second_step, "derive", cut)
        with pytest.raises(Unavailable):
            handle(batch, store)
    assert status(store).underived == (0 if store.sqlite else 15)  # SQLite takes both steps in one transaction
    catch_up(store)
    handle(batch, store)
    assert (digest(store), status(store).underived) == (want, 0)


def test_a_statement_that_fails_while_a_rule_is_applied_is_no_fault_of_the_rule(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Lineage:
        raise sqlite3.ProgrammingError("a wrong statement")

    broken = dataclasses.replace(RESOURCE_TYPES[TRANSFORM_JOB], lineage=fail)
    monkeypatch.setitem(RESOURCE_TYPES, TRANSFORM_JOB, broken)
    with pytest.raises(sqlite3.ProgrammingError):
        handle([Delivery(body) for body in ABALONE], store)
    assert status(store).problems == ()
    assert events.dead_letters(store) == []


def test_a_rule_that_fails_holds_up_no_other_and_is_reported(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Lineage:
        raise KeyError("a bug")

    broken = dataclasses.replace(RESOURCE_TYPES[TRANSFORM_JOB], lineage=fail)
    monkeypatch.setitem(RESOURCE_TYPES, TRANSFORM_JOB, broken)
    settlement = handle([Delivery(body) for body in ABALONE], store)
    assert (settlement.events, settlement.failed, list(settlement.dead)) == (29, 1, [])
    [(key, why)] = status(store).problems
    assert (":transform-job/" in key, why) == (True, "KeyError: 'a bug'")
    assert digest(store)[1]["Association"] == 19  # all but the four that the rule would say
    assert catch_up(store) == 0


@pytest.mark.parametrize("said", ['"NaN"', '"Infinity"', "1e308"])
def test_a_metric_that_is_no_number_costs_no_lineage(said: str, make_store: MakeStore) -> None:
    [trained] = [body for body in ABALONE if b'"FinalMetricDataList"' in body]
    odd = trained.replace(b'"Value": 1.68', f'"Value": {said}'.encode()).replace(
        b'"Value": 2.2, "Timestamp": 1657729001447', b'"Value": 2.2, "Timestamp": "soon"'
    )
    assert odd != trained
    rest = [body for body in ABALONE if body is not trained]
    forward, backward = fed(make_store(), [*rest, odd], 1), fed(make_store(), [odd, *rest], 1)
    assert digest(forward) == digest(backward)
    assert digest(forward)[1]["Association"] == 23


def test_what_the_store_refuses_says_nothing_whatever_the_order(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    [good, *_] = [body for body in ABALONE if b"SageMaker Processing Job" in body and b'"Completed"' in body]
    too_long = good.replace(b"/output/train", b"/output/" + b"x" * 1_850 + "é".encode() * 60)
    later = too_long.replace(b'"LastModifiedTime": 16577', b'"LastModifiedTime": 26577')
    digests = set()
    for order in ([good, later], [later, good]):
        store = make_store()
        for body in order:
            handle([Delivery(body)], store)
        assert len(status(store).problems) == 1
        digests.add(digest(store)[0])
    assert len(digests) == 1
    bumped = {kind: dataclasses.replace(rule, version=rule.version + 1) for kind, rule in RESOURCE_TYPES.items()}
    for kind, rule in bumped.items():
        monkeypatch.setitem(RESOURCE_TYPES, kind, rule)
    catch_up(store)
    assert catch_up(store) == 0


def test_a_dead_letter_from_a_file_without_a_name_in_utf8_is_kept(store: Store) -> None:
    handle([Delivery(b"not json", "b\udcffd.jsonl:1")], store)
    [letter] = events.dead_letters(store)
    assert (letter.body, letter.origin) == (b"not json", "b\\udcffd.jsonl:1")
