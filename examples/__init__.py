"""Graphs to read, run and start from; they import only what Weft's three packages export."""
