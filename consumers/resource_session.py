"""The rows and states that one transaction works on, and the resources as rules see them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import cast

import msgspec

from consumers.kind import TRIAL_COMPONENT, ResourceKind
from consumers.resources import RESOURCE_TYPES
from consumers.resources.fields import described_status
from consumers.resources.types import AnyResource, D, DescribeRequest, Resource
from consumers.state import ResourceState, decode, encode, incarnations
from store import metric_points, resources
from store.database import Transaction
from store.resources import ResourceRow


class ResourceSession:
    """Reads each row once, joins states in memory, and writes each changed row once."""

    def __init__(self, tx: Transaction, *, derives: bool = False) -> None:
        """Nothing is read yet.

        Args:
            tx: The transaction that reads and writes.
            derives: True if the same transaction derives lineage, so that nobody sees a state without its lineage.
        """
        self.tx = tx
        self.derives = derives
        self.rows: dict[str, ResourceRow] = {}
        self.new: set[int] = set()  # ids of resources that had no state before this transaction
        self._states: dict[str, ResourceState] = {}
        self._incarnations: dict[str, list[AnyResource]] = {}
        self._references: dict[str, set[str]] = {}

    def claim(self, kinds: Mapping[str, str]) -> None:
        """Lock these rows (key -> kind) for this transaction alone; missing rows are made."""
        self.rows |= resources.claim(self.tx, kinds)

    def lock(self, keys: Collection[str]) -> None:
        """Lock these rows, so that nobody else changes them; an exclusive transaction reads only those not yet read."""
        wanted = [key for key in keys if key not in self.rows] if self.tx.exclusive else keys
        self.rows |= resources.lock(self.tx, wanted)

    def join(self, observed: Mapping[str, ResourceState], measured: Collection[str] = ()) -> set[str]:
        """Join observed states into those of the store, and write what changes, with the references.

        Args:
            observed: Key -> observed state.
            measured: The keys of trial components with new points of metrics.

        Returns:
            The keys of resources whose state changed, or whose lineage is not yet derived.
        """
        touched: set[str] = set()
        changed: list[ResourceRow] = []
        references: dict[int, set[str]] = {}
        for key, one in observed.items():
            row = self.rows[key]
            before = self.state(key)
            state = one if before is None else before | one
            if state == before and key not in measured:
                touched |= {key} if row.derived < row.version else set()
                continue
            touched.add(key)
            if before is None:
                self.new.add(row.id)
            self._states[key] = state
            self._incarnations.pop(key, None)
            self._references.pop(key, None)
            resource_type = RESOURCE_TYPES[state.kind]
            if resource_type.references:
                references[row.id] = self.references(key)
            version = row.version + 1
            row = row._replace(kind=state.kind, version=version, problem=None, state=self.tx.packer.pack(encode(state)))
            if self.derives:
                row = row._replace(derived=version, rule=resource_type.signature)
            row = _with_listing(row, self.incarnations(key)[-1])
            self.rows[key] = row
            changed.append(row)
        resources.write(self.tx, changed)
        resources.update_references(self.tx, references, self.new)
        return touched

    def write_listing(self, keys: Collection[str]) -> None:
        """Write the columns that lists are made of, which an older version of Headwater did not write."""
        self.lock(keys)
        resources.write(self.tx, [_with_listing(self.rows[key], self.incarnations(key)[-1]) for key in keys])

    def state(self, key: str) -> ResourceState | None:
        """The state of a resource, or None when nothing is known of it."""
        if key not in self._states and (row := self.rows.get(key)) is not None and row.state is not None:
            self._states[key] = decode(self.tx.packer.unpack(row.state))
        return self._states.get(key)

    def incarnations(self, key: str) -> list[AnyResource]:
        """Each incarnation of a resource, the oldest first; none when nothing is known of it."""
        if key not in self._incarnations:
            state = self.state(key)
            self._incarnations[key] = self._resources(key, state) if state else []
        return self._incarnations[key]

    def _resources(self, key: str, state: ResourceState) -> list[AnyResource]:
        found = RESOURCE_TYPES[state.kind].resources(state)
        if state.kind == TRIAL_COMPONENT and (measured := metric_points.statistics(self.tx, key)):
            return [
                msgspec.structs.replace(one, measured=measured.get(begun or 0, {}))
                for one, (begun, _) in zip(found, incarnations(state), strict=True)
            ]
        return found

    def references(self, key: str) -> set[str]:
        """The keys of all that a resource references, in any of its incarnations."""
        if key not in self._references:
            self._references[key] = {
                target for one in self.incarnations(key) for target in RESOURCE_TYPES[one.kind].references_of(one)
            }
        return self._references[key]

    def missing(self, key: str) -> set[DescribeRequest]:
        """The describe requests that the lineage of a resource needs, in any of its incarnations."""
        return {
            request
            for one in self.incarnations(key)
            for request in RESOURCE_TYPES[one.kind].missing_of(one, self.lookup)
        }

    def fetch_references(self, keys: Iterable[str]) -> None:
        """Load what these reference, and what that references: as many statements as references are deep."""
        seen: set[str] = set()
        wanted = set(keys)
        while wanted:
            seen |= wanted
            targets = {target for key in wanted for target in self.references(key)} - seen
            self.rows |= resources.load(self.tx, targets - self.rows.keys())
            wanted = {key for key in targets if self.state(key) is not None}

    def lookup(self, key: str, fields: type[D], at: int | None = None) -> Resource[D] | None:
        """As `consumers.resources.types.Lookup` says."""
        incarnations = self.incarnations(key)
        if not incarnations or not isinstance(incarnations[0].detail, fields):
            return None
        found = cast("list[Resource[D]]", incarnations)
        if at is None:
            return found[-1]
        # Sources report the beginning of one incarnation with and without fractions of a second.
        begun = [incarnation for incarnation in found if incarnation.created // 1000 <= at // 1000]
        return begun[-1] if begun else found[0]


def with_referrers(tx: Transaction, keys: Iterable[str]) -> set[str]:
    """These resources, and all those whose lineage reads them."""
    found = set(keys)
    frontier = set(found)
    while frontier:
        referring = resources.referrers(tx, frontier)
        new = referring.keys() - found
        found |= new
        frontier = {key for key in new if RESOURCE_TYPES[ResourceKind(referring[key])].passes_on}
    return found


def check_readable(state: ResourceState) -> None:
    """Read a state in each way that `ResourceSession.join` does, which raises whatever would be raised there."""
    resource_type = RESOURCE_TYPES[state.kind]
    found = resource_type.resources(state)
    for incarnation in found:
        resource_type.references_of(incarnation)
    _with_listing(ResourceRow(0, state.arn.lower(), state.kind), found[-1])


def _with_listing(row: ResourceRow, incarnation: AnyResource) -> ResourceRow:
    """A row with the columns that lists are made of, from its newest incarnation."""
    resource_type = RESOURCE_TYPES[incarnation.kind]
    status = resource_type.status_fields
    return row._replace(
        name=incarnation.name,
        status=described_status(getattr(incarnation.detail, status[0], None)) if status else "",
        created=resource_type.created(incarnation),
        modified=incarnation.modified,
        deleted=int(incarnation.deleted is not None),
    )
