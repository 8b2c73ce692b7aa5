"""Copies of both stores, and bringing them back so that nothing is given, sent or allowed twice."""
