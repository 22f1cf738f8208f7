"""A Kafka topic as a way in: how it is reached, filled and read."""
