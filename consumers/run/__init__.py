"""What keeps running; it prints nothing and returns values."""
