"""Drydock: an offline stand-in for Azure ML, for the unmodified SDK of Azure ML to talk to."""
