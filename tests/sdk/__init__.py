"""SageMaker's own SDKs as clients of Headwater's server, in environments of their own: one has no room for two."""
