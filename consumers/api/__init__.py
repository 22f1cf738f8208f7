"""SageMaker's own API, over what the store keeps."""
