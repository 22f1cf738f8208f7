"""Searching entities by what is known of them."""
