"""The detail-types that report resources of any type."""

from __future__ import annotations

CLOUDTRAIL_CALL = "AWS API Call via CloudTrail"
"""A call that CloudTrail recorded; `consumers.observe.cloudtrail` reads it."""
DESCRIPTION = "Headwater Description"
"""SageMaker's response to a describe request of ours; `consumers.observe.describe_responses` reads it."""
CLIENT_CALL = "Headwater Call"
"""A client's call of Headwater's own API that changed something; `consumers.observe.client_calls` reads it."""
