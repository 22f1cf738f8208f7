"""What events say of each kind of resource, as types: only what rules read, checked once.

Field names are SageMaker's. Everything is optional, since events leave out what they like: a plain value that is not
there is None, a structure that is not there is an empty one.
"""

from consumers.shapes.cards import *  # noqa: F403 -- types, all of them
from consumers.shapes.deployment import *  # noqa: F403 -- types, all of them
from consumers.shapes.entities import *  # noqa: F403 -- types, all of them
from consumers.shapes.features import *  # noqa: F403 -- types, all of them
from consumers.shapes.glue import *  # noqa: F403 -- types, all of them
from consumers.shapes.images import *  # noqa: F403 -- types, all of them
from consumers.shapes.jobs import *  # noqa: F403 -- types, all of them
from consumers.shapes.labeling import *  # noqa: F403 -- types, all of them
from consumers.shapes.monitoring import *  # noqa: F403 -- types, all of them
from consumers.shapes.pipelines import *  # noqa: F403 -- types, all of them
from consumers.shapes.reading import *  # noqa: F403 -- types, all of them
from consumers.shapes.registry import *  # noqa: F403 -- types, all of them
from consumers.shapes.tuning import *  # noqa: F403 -- types, all of them
