"""Real OpenAPI documents imported: how much of them becomes a graph, how long it takes, and how others fare.

Run with ``make corpus`` and ``make corpus-peers``. Read in this order: ``documents`` (which ones, and what they hold),
``outcome`` (what is noted of each), ``weft`` (one imported, inside a process of its own), ``peers`` (the same for
other importers, under node), ``report`` (the tables and the goals), ``__main__`` (the command).
"""
