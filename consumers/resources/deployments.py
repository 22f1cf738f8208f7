"""The deployments of an endpoint: the spans of time in which configurations were behind it, from its history."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from consumers.resources.fields import plain_status
from consumers.resources.types import AnyResource

ACTION_STATUSES = {
    "creating": "InProgress",
    "updating": "InProgress",
    "systemupdating": "InProgress",
    "rollingback": "InProgress",
    "inservice": "Completed",
    "outofservice": "Stopped",
    "failed": "Failed",
    "updaterollbackfailed": "Failed",
    "deleting": "Stopping",
}
"""An endpoint's status, spelled in one way, as the status of the action that deploys to it."""


class Deployment(msgspec.Struct, frozen=True):
    """One span of a configuration behind an endpoint.

    Attributes:
        config: The name of the configuration.
        since: When it began, in epoch milliseconds.
        until: When it ended; None: it has not.
        status: How it went, as an action's status.
        first: False if the endpoint had a deployment of this configuration before.
    """

    config: str
    since: int
    until: int | None
    status: str
    first: bool = True


def deployments(endpoint: AnyResource, status: str | None) -> list[Deployment]:
    """One for each time that a configuration was behind an endpoint, or was about to be, in order of their beginnings.

    A deployment lasts from the first mention of its configuration until another took its place; going back to an
    earlier configuration is another deployment. One that was announced but never took over (it was rolled back) ended
    when the endpoint was next reported without it; the same update tried again is another one. An endpoint is made
    with a configuration: the first that it is known to have run on began with it, unless it came by an update.

    Args:
        endpoint: An endpoint, whose tracked values are its configuration, the one to come, and its status.
        status: Its status now.
    """
    history = _History()
    for observed in _observations(endpoint):
        history.read(observed)
    if history.made_with:
        history.made_with.since = min(endpoint.created, history.made_with.since)
    ended = end(endpoint)
    spans = {(span.since, span.config.lower()): span for span in history.spans}  # the last of those that began at once
    seen: set[str] = set()
    found = []
    for (since, config), span in sorted(spans.items()):
        until = min((time for time in (span.until, ended) if time is not None), default=None)
        went = history.status(span, until, plain_status(status))
        found.append(Deployment(span.config, since, until and max(since, until), went, config not in seen))
        seen.add(config)
    return found


def end(deployed: AnyResource) -> int | None:
    """When an endpoint or a component ended: it began to be deleted, or another has its name; None while it exists.

    One whose deletion failed has another status afterwards.
    """
    statuses = [(change.time, plain_status(change.values[-1])) for change in deployed.changes]
    if deployed.deleted is not None:
        statuses = sorted([*statuses, (deployed.deleted, "deleting")], key=lambda turn: turn[0])
    ended = None
    for time, status in statuses:
        ended = (time if ended is None else ended) if status == "deleting" else None
    return ended if ended is not None else deployed.replaced


@dataclass(frozen=True, slots=True)
class _Observation:
    """What is observed of an endpoint at a time: each may be empty.

    A request for an update names the configuration to come, and nothing else.

    Attributes:
        time: When, in epoch milliseconds.
        config: Its configuration.
        coming: The configuration to come.
        status: Its status, spelled in one way.
        later: The configuration that it is next reported to run on, if nothing before that announces this one.
    """

    time: int
    config: str
    coming: str
    status: str
    later: str

    @property
    def requests(self) -> bool:
        return bool(self.coming) and not self.config and not self.status


@dataclass(slots=True)
class _Span:
    """A deployment as far as the history is read."""

    config: str
    since: int
    until: int | None = None
    took_over: bool = False
    requested: bool = False
    reverted: bool = False

    def of(self, config: str) -> bool:
        return self.config.lower() == config.lower()


_UPDATING = ("", "updating", "systemupdating")
"""With these statuses, to leave out the configuration to come does not mean that none is to come."""
_REVERTED = ("rollingback", "updaterollbackfailed", "failed")


@dataclass(slots=True)
class _History:
    """The deployments so far: the one that serves, and the one that is to take over."""

    spans: list[_Span] = field(default_factory=list)
    serving: _Span | None = None
    coming: _Span | None = None
    made_with: _Span | None = None
    announced: str = ""

    def read(self, observed: _Observation) -> None:
        """Go on with the next observation."""
        config, coming = observed.config, observed.coming
        if observed.status == "creating" and not config:
            config, coming = coming, ""  # the one to come is the one that it is made with
        if observed.requests:
            self._settle(observed)
        if config:
            self._serve(config, observed.time)
        before = self.announced
        if self.coming and observed.status in _REVERTED:
            self.coming.reverted = True
        if coming or observed.status not in _UPDATING:
            self.announced = coming
        self._announce(observed, is_new=self.announced.lower() != before.lower())

    def status(self, span: _Span, until: int | None, endpoint_status: str) -> str:
        """How a deployment went, as the status of its action."""
        if until is not None:
            return "Completed" if span.took_over else "Stopped"
        if not span.took_over:
            return "InProgress"
        if self.coming:
            return "Completed"  # the endpoint is being updated, away from this one
        return ACTION_STATUSES.get(endpoint_status, "Unknown")

    def _settle(self, request: _Observation) -> None:
        """End the update before a requested one, which SageMaker refuses until the other is over.

        It took over, unless it is tried again or the endpoint is reported to run on what it ran on before.
        """
        if self.coming is None or not (self.coming.requested or not self.coming.of(request.coming)):
            return
        serving = self.serving
        reverted = serving is not None and serving.of(request.later) and not serving.of(request.coming)
        if reverted or self.coming.of(request.coming):
            self._give_up(self.coming, request.time)
        else:
            self._take_over(self.coming, self.coming.since)

    def _serve(self, config: str, time: int) -> None:
        """The endpoint is reported to run on a configuration."""
        if self.serving and self.serving.of(config):
            return
        if self.coming and self.coming.of(config):
            self._take_over(self.coming, time)
            return
        span = self._span(config, time)
        if self.serving is None:
            self.made_with = span
        self._take_over(span, time)

    def _announce(self, observed: _Observation, *, is_new: bool) -> None:
        """A configuration is to come, or none is."""
        if self.coming and not self.coming.of(self.announced):
            had_it = self.serving is not None and self.serving.of(self.coming.config)
            silent = not observed.config and self.coming.of(observed.later)
            if not self.coming.reverted and (had_it or silent):
                self._take_over(self.coming, observed.time)
            else:
                self._give_up(self.coming, observed.time)
        if self.coming is None and self.announced:
            ours = self.serving is not None and self.serving.of(self.announced)
            if observed.requests or not ours or (is_new and observed.status == "updating"):
                self.coming = self._span(self.announced, observed.time)
        if self.coming and observed.requests:
            self.coming.requested = True

    def _take_over(self, span: _Span, time: int) -> None:
        """The endpoint runs on another configuration."""
        if self.serving:
            self.serving.until = time
        if span is self.coming:
            self.coming = None
        span.took_over = True
        self.serving = span

    def _give_up(self, span: _Span, time: int) -> None:
        """The update under way comes to nothing."""
        span.until, self.coming = time, None

    def _span(self, config: str, time: int) -> _Span:
        self.spans.append(_Span(config, time))
        return self.spans[-1]


def _observations(endpoint: AnyResource) -> list[_Observation]:
    """What was observed, in order."""
    found = []
    later = ""
    for change in reversed(endpoint.changes):
        config, coming, status = change.values
        found.append(_Observation(change.time, config, coming, plain_status(status), later))
        if config or coming.lower() == later.lower():
            later = config
    return found[::-1]
