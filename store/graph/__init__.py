"""Questions about who made what."""
