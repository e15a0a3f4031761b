"""Rehearsals against drydock: how long they take, whether they leak, what faults do to them."""
