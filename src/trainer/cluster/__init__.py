"""One plan of batches spread over nodes by Dask; nothing that must be right rests on it."""
