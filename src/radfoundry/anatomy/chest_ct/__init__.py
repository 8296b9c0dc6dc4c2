"""Anatomy of the chest in CT, found by methods that need no weights.

All functions take Hounsfield units on a grid (X, Y, Z) in RAS+ order with its spacing in mm, and
return boolean masks on that grid. Lengths are in mm everywhere, so any spacing will do.
"""
