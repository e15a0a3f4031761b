"""Drydock: an offline stand-in for Azure ML that the unmodified SDK of Azure ML can use."""
