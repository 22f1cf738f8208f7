"""What one transaction works on: rows of resources, what is known of each, and each as rules see it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import cast

import msgspec

from consumers.kind import TRIAL_COMPONENT, ResourceKind
from consumers.resources import RESOURCE_TYPES
from consumers.resources.fields import described_status
from consumers.resources.types import AnyResource, D, DescribeRequest, Resource
from consumers.state import ResourceState, decode, encode, incarnations
from store import metric_points
from store import resources as table
from store.database import Transaction
from store.resources import ResourceRow


class ResourceSession:
    """Read once, joined in memory, written once."""

    def __init__(self, tx: Transaction, *, derives: bool = False) -> None:
        """Begin with nothing.

        Args:
            tx: What is read and written belongs to it.
            derives: True if lineage is derived in the same transaction, so that nobody ever sees the time between.
        """
        self.tx = tx
        self.derives = derives
        self.rows: dict[str, ResourceRow] = {}
        self.fresh: set[int] = set()  # ids of resources of which nothing was known before this transaction
        self._known: dict[str, ResourceState] = {}
        self._lives: dict[str, list[AnyResource]] = {}
        self._references: dict[str, set[str]] = {}

    def claim(self, kinds: Mapping[str, str]) -> None:
        """Have these rows (key -> kind) for this transaction alone, made where they are missing."""
        self.rows |= table.claim(self.tx, kinds)

    def lock(self, keys: Collection[str]) -> None:
        """Have these rows as nobody else can change them; rows at hand in an exclusive transaction stay as they are."""
        wanted = [key for key in keys if key not in self.rows] if self.tx.exclusive else keys
        self.rows |= table.lock(self.tx, wanted)

    def join(self, told: Mapping[str, ResourceState], measured: Collection[str] = ()) -> set[str]:
        """Join what is told with what is known, and write it with all that it refers to.

        Args:
            told: Key -> what is told.
            measured: Keys among them of trial components of which points are told too.

        Returns:
            The keys of resources of which something new is known, or which are underived.
        """
        touched: set[str] = set()
        changed: list[ResourceRow] = []
        referring: dict[int, set[str]] = {}
        for key, news in told.items():
            row = self.rows[key]
            before = self.known(key)
            known = news if before is None else before | news
            if known == before and key not in measured:
                touched |= {key} if row.derived < row.version else set()
                continue
            touched.add(key)
            if before is None:
                self.fresh.add(row.id)
            self._known[key] = known
            self._lives.pop(key, None)
            self._references.pop(key, None)
            resource_type = RESOURCE_TYPES[known.kind]
            if resource_type.references:
                referring[row.id] = self.references(key)
            version = row.version + 1
            row = row._replace(kind=known.kind, version=version, problem=None, state=self.tx.packer.pack(encode(known)))
            if self.derives:
                row = row._replace(derived=version, rule=resource_type.signature)
            row = _listed(row, self.incarnations(key)[-1])
            self.rows[key] = row
            changed.append(row)
        table.write(self.tx, changed)
        table.update_references(self.tx, referring, self.fresh)
        return touched

    def list_again(self, keys: Collection[str]) -> None:
        """Write what these are listed by, as `join` does: an older Headwater did not."""
        self.lock(keys)
        table.write(self.tx, [_listed(self.rows[key], self.incarnations(key)[-1]) for key in keys])

    def known(self, key: str) -> ResourceState | None:
        """What is known of a resource, or None."""
        if key not in self._known and (row := self.rows.get(key)) is not None and row.state is not None:
            self._known[key] = decode(self.tx.packer.unpack(row.state))
        return self._known.get(key)

    def incarnations(self, key: str) -> list[AnyResource]:
        """Each life of a resource, the oldest first; none when nothing is known of it."""
        if key not in self._lives:
            known = self.known(key)
            self._lives[key] = self._views(key, known) if known else []
        return self._lives[key]

    def _views(self, key: str, known: ResourceState) -> list[AnyResource]:
        found = RESOURCE_TYPES[known.kind].resources(known)
        if known.kind == TRIAL_COMPONENT:
            measured = metric_points.statistics(self.tx, key)
            if measured:
                found = [
                    msgspec.structs.replace(incarnation, measured=measured.get(begun or 0, {}))
                    for incarnation, (begun, _) in zip(found, incarnations(known), strict=True)
                ]
        return found

    def references(self, key: str) -> set[str]:
        """The keys of all that a resource refers to, in any of its lives."""
        if key not in self._references:
            found = {
                target
                for incarnation in self.incarnations(key)
                for target in RESOURCE_TYPES[incarnation.kind].references_of(incarnation)
            }
            self._references[key] = found
        return self._references[key]

    def missing(self, key: str) -> set[DescribeRequest]:
        """What SageMaker is to be asked for the sake of a resource, in any of its lives."""
        return {
            asked
            for incarnation in self.incarnations(key)
            for asked in RESOURCE_TYPES[incarnation.kind].missing_of(incarnation, self.lookup)
        }

    def fetch_references(self, keys: Iterable[str]) -> None:
        """Load what these refer to, and what that refers to: as many statements as references are deep."""
        seen: set[str] = set()
        wanted = set(keys)
        while wanted:
            seen |= wanted
            targets = {target for key in wanted for target in self.references(key)} - seen
            self.rows |= table.load(self.tx, targets - self.rows.keys())
            wanted = {key for key in targets if self.known(key) is not None}

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
    """These resources, and all whose lineage reads them."""
    found = set(keys)
    frontier = set(found)
    while frontier:
        referring = table.referrers(tx, frontier)
        new = referring.keys() - found
        found |= new
        frontier = {key for key in new if RESOURCE_TYPES[ResourceKind(referring[key])].passes_on}
    return found


def references(state: ResourceState) -> set[str]:
    """The keys of all that a resource references, in any of its incarnations."""
    resource_type = RESOURCE_TYPES[state.kind]
    return {key for incarnation in resource_type.resources(state) for key in resource_type.references_of(incarnation)}


def _listed(row: ResourceRow, incarnation: AnyResource) -> ResourceRow:
    """A row with what it is listed by, from its newest life."""
    resource_type = RESOURCE_TYPES[incarnation.kind]
    status = resource_type.status_fields
    return row._replace(
        name=incarnation.named(getattr(incarnation.detail, resource_type.name_field, None)),
        status=described_status(getattr(incarnation.detail, status[0], None)) if status else "",
        created=resource_type.created(incarnation),
        modified=incarnation.modified,
        deleted=int(incarnation.deleted is not None),
    )
