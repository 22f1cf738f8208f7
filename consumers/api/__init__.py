"""SageMaker's own API over the store."""
