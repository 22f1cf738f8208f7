"""What events mean: folded into what is known of each resource, and derived into lineage."""
