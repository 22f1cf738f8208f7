"""What every source and every database promises."""
