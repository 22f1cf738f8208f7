"""The last write wins: what the API describes is what a plain model in memory has."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given

from consumers.api import serializer, service_model
from consumers.api.errors import Refusal
from consumers.api.service import Service
from store.database import Store
from store.digest import digest
from store.lineage import artifact
from tests.support.client_writes import Write, do, steps, writes, writing
from tests.support.events import PARTITION
from tests.support.laws import examples
from tests.support.stores import emptied


class Thing:
    """An entity that a client created."""

    def __init__(self, entity_type: str, members: dict[str, Any]) -> None:
        self.entity_type = entity_type
        self.members = {name: one for name, one in members.items() if name not in ("Tags", *MAPS)}
        self.maps: dict[str, dict[str, Any]] = {name: dict(members.get(name, {})) for name in MAPS}
        self.tags = {tag["Key"]: tag["Value"] for tag in members.get("Tags", ())}
        self.points: Counter[str] = Counter()

    def change(self, members: dict[str, Any]) -> None:
        """Change it as an update does."""
        for name, one in members.items():
            if name in MAPS:
                self.maps[name] |= one
            elif not name.endswith("ToRemove") and name not in (f"{self.entity_type}Name", f"{self.entity_type}Arn"):
                self.members[name] = one
        for name, kept in self.maps.items():
            for key in members.get(f"{name}ToRemove", ()):
                kept.pop(key, None)


MAPS = ("Properties", "Parameters", "InputArtifacts", "OutputArtifacts")
PARTS = {
    "Context": "context",
    "Action": "action",
    "Experiment": "experiment",
    "Trial": "experiment-trial",
    "TrialComponent": "experiment-trial-component",
}


class Plain:
    """What clients wrote, in memory: what the server has to say of it."""

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.links: dict[tuple[str, str], str] = {}
        self.inside: set[tuple[str, str]] = set()

    def do(self, operation: str, members: dict[str, Any]) -> bool:
        """Do what a request says; False if it must be refused."""
        for verb in ("Create", "Update", "Delete"):
            entity_type = operation.removeprefix(verb)
            if entity_type != operation and (entity_type in PARTS or entity_type == "Artifact"):
                return bool(getattr(self, verb.lower())(entity_type, members))
        return bool(getattr(self, operation.lower())(members))

    def key(self, entity_type: str, members: dict[str, Any]) -> str:
        if entity_type != "Artifact":
            return f"{PARTITION}{PARTS[entity_type]}/{members[f'{entity_type}Name']}".lower()
        if "ArtifactArn" in members:
            return str(members["ArtifactArn"])
        types = tuple((one["SourceIdType"], one["Value"]) for one in members["Source"].get("SourceTypes", ()))
        return artifact(PARTITION, "", members["Source"]["SourceUri"], 0, source_types=types).arn

    def create(self, entity_type: str, members: dict[str, Any]) -> bool:
        key = self.key(entity_type, members)
        if key in self.things:
            return False
        if entity_type == "Artifact":
            for other in self.things.values():
                same = (
                    other.entity_type == entity_type
                    and other.members["Source"]["SourceUri"] == members["Source"]["SourceUri"]
                )
                if same and not ("SourceTypes" in other.members["Source"] and "SourceTypes" in members["Source"]):
                    return False
        if entity_type == "Trial":
            experiment = self.key("Experiment", members)
            if experiment not in self.things:
                return False
            self.inside.add((experiment, key))
        self.things[key] = Thing(entity_type, members)
        return True

    def update(self, entity_type: str, members: dict[str, Any]) -> bool:
        key = self.key(entity_type, members)
        if key in self.things:
            self.things[key].change(members)
        return key in self.things

    def delete(self, entity_type: str, members: dict[str, Any]) -> bool:
        key = self.key(entity_type, members)
        if key not in self.things:
            return False
        if entity_type in ("Experiment", "Trial") and any(parent == key for parent, _ in self.inside):
            return False
        if entity_type == "TrialComponent":
            if any(child == key for _, child in self.inside):
                return False
            self.links = {ends: type_ for ends, type_ in self.links.items() if key not in ends}
        if any(key in both for both in self.links):
            return False
        self.inside = {both for both in self.inside if key not in both}
        del self.things[key]
        return True

    def addassociation(self, members: dict[str, Any]) -> bool:
        both = (members["SourceArn"].lower(), members["DestinationArn"].lower())
        if not {*both} <= self.things.keys() or both in self.links:
            return False
        if all(self.things[end].entity_type == "TrialComponent" for end in both):
            return False
        self.links[both] = members.get("AssociationType", "AssociatedWith")
        return True

    def deleteassociation(self, members: dict[str, Any]) -> bool:
        return self.links.pop((members["SourceArn"].lower(), members["DestinationArn"].lower()), None) is not None

    def associatetrialcomponent(self, members: dict[str, Any]) -> bool:
        both = (self.key("Trial", members), self.key("TrialComponent", members))
        if {*both} <= self.things.keys():
            self.inside.add(both)
        return {*both} <= self.things.keys()

    def disassociatetrialcomponent(self, members: dict[str, Any]) -> bool:
        self.inside.discard((self.key("Trial", members), self.key("TrialComponent", members)))
        return True

    def batchputmetrics(self, members: dict[str, Any]) -> bool:
        thing = self.things.get(self.key("TrialComponent", members))
        if thing:
            thing.points.update(one["MetricName"] for one in members["MetricData"])
        return True  # the response says which of them were wrong

    def addtags(self, members: dict[str, Any]) -> bool:
        thing = self.things.get(members["ResourceArn"].lower())
        if thing:
            thing.tags |= {tag["Key"]: tag["Value"] for tag in members["Tags"]}
        return thing is not None

    def deletetags(self, members: dict[str, Any]) -> bool:
        thing = self.things.get(members["ResourceArn"].lower())
        for key in members["TagKeys"]:
            if thing:
                thing.tags.pop(key, None)
        return thing is not None


def said(service: Service, key: str, thing: Thing) -> dict[str, Any]:
    """An entity as the server describes it, with the members that clients have written."""
    members = (
        {"ArtifactArn": key}
        if thing.entity_type == "Artifact"
        else {f"{thing.entity_type}Name": key.rpartition("/")[2]}
    )
    response = do(service, f"Describe{thing.entity_type}", members)
    shaped = serializer.shaped(service_model.operation(f"Describe{thing.entity_type}").output_shape, response)
    members = {name: shaped.get(name) for name in thing.members}
    maps = {name: shaped.get(name, {}) for name in MAPS}
    points = {one["MetricName"]: one["Count"] for one in shaped.get("Metrics", ())}
    tags = {tag["Key"]: tag["Value"] for tag in do(service, "ListTags", {"ResourceArn": key})["Tags"]}
    return {**members, **maps, "points": points, "tags": tags}


@pytest.mark.law
def test_the_last_write_wins_however_fast_writes_follow_each_other(store: Store, backend: str) -> None:
    @examples(32, 5, backend)
    @given(writes, steps)
    def law(writes: list[Write], pace: list[int]) -> None:
        emptied(store)
        plain = Plain()
        with writing(store, pace) as service:
            for operation, members in writes:
                try:
                    do(service, operation, members)
                    granted = True
                except Refusal:
                    granted = False
                assert (operation, granted) == (operation, plain.do(operation, members))
            for key, thing in plain.things.items():
                expected = {**thing.members, **thing.maps, "points": dict(thing.points), "tags": thing.tags}
                assert said(service, key, thing) == expected
            listed = do(service, "ListAssociations", {"MaxResults": 100})["AssociationSummaries"]
            found = {
                (one["SourceArn"].lower(), one["DestinationArn"].lower()): one["AssociationType"] for one in listed
            }
            assert found == plain.links
        lines = digest(store)[1]
        assert lines.get("Membership", 0) == len(plain.inside)
        assert sum(lines.get(entity_type, 0) for entity_type in (*PARTS, "Artifact")) == len(plain.things)

    law()
