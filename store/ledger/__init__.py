"""Every event as it came."""
