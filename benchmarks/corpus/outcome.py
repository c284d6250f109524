"""What is noted of one document: the same figures for Weft and for others."""

from __future__ import annotations

import msgspec


class Measures(msgspec.Struct, kw_only=True):
    """What an importer made of a document.

    Attributes:
        import_s: seconds of CPU from the path of the document to a schema, programs loaded before.
        peak_bytes: the most memory of the process until then, the importer itself included.
        operation_fields: fields of Query and Mutation that stand for an operation.
        left_out: operations that are said to be missing.
        types, fields: of the schema, introspection's not counted; a field counts for each object type that has it.
        json_fields: fields whose type is a scalar that takes anything.
        losses: how many by reason; those of the importers' own words where others are measured.
    """

    import_s: float
    peak_bytes: int
    operation_fields: int = 0
    left_out: int = 0
    types: int = 0
    fields: int = 0
    json_fields: int = 0
    losses: dict[str, int] = {}


class Outcome(msgspec.Struct, kw_only=True):
    """One document, tried.

    Attributes:
        operations: how many the document has, counted without any importer; 0 where it cannot be parsed.
        measures: None where there is no schema.
        check_s: seconds of CPU in which graphql validated the schema, printed it and read it again.
        failure: what went wrong, in a few words by which it is counted; None means that the schema is valid.
        message: the same with all its words.
    """

    document: str
    size: int
    operations: int
    measures: Measures | None = None
    check_s: float = 0.0
    failure: str | None = None
    message: str = ""

    @property
    def unsaid(self) -> int:
        """Operations that are neither a field nor among the losses."""
        if self.measures is None:
            return 0
        return max(0, self.operations - self.measures.operation_fields - self.measures.left_out)
