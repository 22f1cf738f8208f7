"""Walks through the lineage graph, and why it is as it is."""
