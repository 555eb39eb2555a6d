"""Composition root: the only room that knows everyone."""
