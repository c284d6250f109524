"""Weft against the server one would write by hand: the same graph, the same REST backend, the same machine.

Run with ``make bench`` or ``python benchmarks/run.py``. Read in this order: ``posts_data`` (the rows),
``cases`` (the requests), ``upstream`` (the REST backend), ``handwritten`` (the other server), ``load`` (the
clients), ``server`` (start, pin, measure, stop), ``run`` (the command).

Subscriptions have a command of their own, ``make bench-subscriptions``: ``ticks`` (the topic), ``ticks_weft``,
``ticks_strawberry`` and ``ticks_ceiling`` (the servers), ``sockets`` (the clients), ``subscriptions`` (the command).

``corpus`` imports real OpenAPI documents, ``make corpus``; ``npm`` installs them.
"""
