"""Searching entities by their properties."""
