"""What Headwater knows of each resource type."""
