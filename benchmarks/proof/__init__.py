"""The proofs behind docs/reference/reproducibility.md, each a table that its command measured."""
