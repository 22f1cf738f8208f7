"""An AWS in miniature."""
