"""What events mean: observed, joined into the state of each resource, and derived into lineage."""
