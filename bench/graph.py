"""A large lineage, made directly as rows: what years of retraining leave behind.

    data sets, image, code -> processing -> data sets -> training -> model -> package -> deployment -> endpoint
                                  ^                                    |
                                  +---------- data set <--- comparison of a generation's candidates

A project trains a few candidates at a time, compares them, deploys the best, and continues from the comparison.
Projects differ in how many candidates and how many generations they have, so ascendant closures of any size from ten
to many thousands exist. Raw data sets, images and code are shared: hubs with up to
hundreds of thousands of descendants.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import accumulate, islice
from typing import NamedTuple

_ARN = "arn:aws:sagemaker:us-west-2:123456789012"
_ACTIVE = 50  # projects at work at the same time
_IMAGES = 6
_WIDEST, _LONGEST = 30, 100  # candidates of a generation, generations of a project; small numbers are the likeliest
_MOST_INPUTS = 20


class TooSmall(Exception):
    """A graph has too few entities of the wanted size: make a larger one."""


class Kind(IntEnum):
    """What an entity is."""

    DATASET, IMAGE, MODEL, PACKAGE, PROCESSING, TRAINING, APPROVAL, DEPLOYMENT, ENDPOINT, GROUP = range(10)


_ARTIFACT, _COMPONENT, _ACTION, _CONTEXT = "Artifact", "TrialComponent", "Action", "Context"
_WORDS = {  # kind -> lineage type, type, where its name and source URI come from
    Kind.DATASET: (_ARTIFACT, "DataSet", "s3://acme-data-lake/part-{}.parquet"),
    Kind.IMAGE: (_ARTIFACT, "Image", "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:1.{}-1"),
    Kind.MODEL: (_ARTIFACT, "Model", "s3://acme-models/job-{}/output/model.tar.gz"),
    Kind.PACKAGE: (_ARTIFACT, "Model", _ARN + ":model-package/group/{}"),
    Kind.PROCESSING: (_COMPONENT, "SageMakerProcessingJob", _ARN + ":processing-job/job-{}"),
    Kind.TRAINING: (_COMPONENT, "SageMakerTrainingJob", _ARN + ":training-job/job-{}"),
    Kind.APPROVAL: (_ACTION, "Approval", _ARN + ":model-package/group/{}"),
    Kind.DEPLOYMENT: (_ACTION, "ModelDeployment", _ARN + ":endpoint/endpoint-{}"),
    Kind.ENDPOINT: (_CONTEXT, "Endpoint", _ARN + ":endpoint/endpoint-{}"),
    Kind.GROUP: (_CONTEXT, "ModelGroup", _ARN + ":model-package-group/group-{}"),
}


class Entity(NamedTuple):
    """A row. `name` is unique among all entities."""

    id: int
    lineage_type: str
    type: str
    name: str
    source_uri: str


class Association(NamedTuple):
    """A row; a pair of source and destination occurs once."""

    source: int
    destination: int
    type: str


@dataclass(slots=True)
class Graph:
    """Entities in the order they came to be; each knows what it came from, and that is always older.

    Attributes:
        kinds: What each entity is, as a `Kind`.
        first: Where in `sources` the sources of an entity begin; those of the next one end them.
        sources: What associations come from, grouped by what they lead to.
    """

    kinds: bytearray = field(default_factory=bytearray)
    first: array[int] = field(default_factory=lambda: array("i", [0]))
    sources: array[int] = field(default_factory=lambda: array("i"))

    def __len__(self) -> int:
        return len(self.kinds)

    def add(self, kind: Kind, sources: Sequence[int] = ()) -> int:
        """The index of a new entity that came from `sources`, each named once."""
        self.kinds.append(kind)
        self.sources.extend(sources)
        self.first.append(len(self.sources))
        return len(self.kinds) - 1

    def entities(self) -> Iterator[Entity]:
        """All entities as rows, the oldest first."""
        for index, kind in enumerate(self.kinds):
            lineage_type, type_, pattern = _WORDS[Kind(kind)]
            yield Entity(index, lineage_type, type_, f"{type_}-{index}", pattern.format(index))

    def associations(self) -> Iterator[Association]:
        """All associations as rows, in the order of their destinations."""
        words = [_WORDS[kind][0] for kind in Kind]
        for index, kind in enumerate(self.kinds):
            for source in self.of(index):
                yield Association(source, index, _type(words[self.kinds[source]], words[kind]))

    def of(self, index: int) -> array[int]:
        """What an entity came from directly."""
        return self.sources[self.first[index] : self.first[index + 1]]

    def ascendants(self, start: int, limit: int) -> set[int]:
        """All that `start` came from, without itself; if they are more than `limit`, some more than `limit` of them."""
        seen, ahead = {start}, [start]
        first, sources = self.first, self.sources
        while ahead and len(seen) - 1 <= limit:
            index = ahead.pop()
            new = set(sources[first[index] : first[index + 1]]) - seen
            seen |= new
            ahead += new
        return seen - {start}


def _type(source: str, destination: str) -> str:
    if destination == _CONTEXT:
        return "AssociatedWith"
    return "Produced" if source == _COMPONENT else "ContributedTo"


def graph(entities: int = 1_000_000, associations_per_entity: float = 3, seed: int = 1) -> Graph:
    """A lineage of exactly `entities`; the same arguments give the same one.

    Args:
        entities: How many.
        associations_per_entity: How many on average, to within a few; at least 2. More than that is made by having
            jobs read more of the shared data sets.
        seed: Which lineage.
    """
    made = _Growth(entities, associations_per_entity, random.Random(seed)).grown()
    del made.kinds[entities:], made.first[entities + 1 :], made.sources[made.first[entities] :]
    return made


class _Growth:
    def __init__(self, entities: int, density: float, rng: random.Random) -> None:
        self._entities, self._density, self._rng = entities, density, rng
        self._graph = Graph()
        self._raw: Iterator[int] = iter(())

    def grown(self) -> Graph:
        graph, rng = self._graph, self._rng
        images = [graph.add(Kind.IMAGE) for _ in range(_IMAGES)]
        datasets = [graph.add(Kind.DATASET) for _ in range(max(20, self._entities // 500))]
        self._raw = self._popular(datasets)
        projects = [self._project(rng.choice(images)) for _ in range(_ACTIVE)]
        while len(graph) < self._entities:
            turn = rng.randrange(_ACTIVE)
            if next(projects[turn], None) is None:
                projects[turn] = self._project(rng.choice(images))
        return graph

    def _popular(self, datasets: list[int]) -> Iterator[int]:
        """Raw data sets without end, the popular ones often (Zipf)."""
        weights = list(accumulate(1 / rank for rank in range(1, len(datasets) + 1)))
        while True:
            yield from self._rng.choices(datasets, cum_weights=weights, k=10_000)

    def _project(self, image: int) -> Iterator[int]:
        """The runs of a project, one at each step."""
        graph, rng = self._graph, self._rng
        code = graph.add(Kind.DATASET)
        candidates, generations = int(_WIDEST ** rng.random()), int(_LONGEST ** rng.random())
        comparison: list[int] = []
        packages, deployments = [], []
        for _ in range(generations):
            models = []
            for _ in range(candidates):
                models.append(self._run(image, [image, code, *comparison]))
                yield models[-1]
            comparison = [graph.add(Kind.DATASET, [graph.add(Kind.PROCESSING, [image, code, *models])])]
            approval = graph.add(Kind.APPROVAL)
            packages.append(graph.add(Kind.PACKAGE, [image, rng.choice(models), approval]))
            deployments.append(graph.add(Kind.DEPLOYMENT, packages[-1:]))
        graph.add(Kind.GROUP, packages)
        graph.add(Kind.ENDPOINT, deployments)

    def _run(self, image: int, inputs: list[int]) -> int:
        """The model that comes of `inputs` and as many raw data sets as the density requires."""
        graph = self._graph
        missing = self._density * (len(graph) + 6) - (len(graph.sources) + len(inputs) + 7)
        raw = dict.fromkeys(islice(self._raw, max(1, min(_MOST_INPUTS, int(missing)))))
        processing = graph.add(Kind.PROCESSING, [*inputs, *raw])
        train, validation, _ = (graph.add(Kind.DATASET, [processing]) for _ in range(3))
        return graph.add(Kind.MODEL, [graph.add(Kind.TRAINING, [image, train, validation])])


def starts(graph: Graph, size: int, how_many: int, seed: int = 1) -> list[int]:
    """Models and packages with `size` ascendants, give or take a tenth.

    Raises:
        TooSmall: The graph has not so many of them, or they are very rare.
    """
    rng, found = random.Random(seed), set[int]()
    for _ in range(4_000 * how_many):
        index = rng.randrange(len(graph))
        if graph.kinds[index] in (Kind.MODEL, Kind.PACKAGE) and index not in found:
            ascendants = len(graph.ascendants(index, limit=size * 11 // 10))
            if size * 9 // 10 <= ascendants <= size * 11 // 10:
                found.add(index)
                if len(found) == how_many:
                    return list(found)
    raise TooSmall(f"too few of {len(graph):,} entities have about {size:,} ascendants: make a larger graph")
