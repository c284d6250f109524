"""An oracle whose schemas are generated.

A *model* (`model`) is a graph as plain data. From one model come the graph's Python source (`source`), a naive schema
for graphql-core (`naive`), what the backends hold and how it is broken (`world`, `bodies`), and operations
(`operations`). `models` draws models; `report` writes a case down so that it can be run again.
"""
