"""Geometric bodies: one thorax, described by numbers, that a CT and a radiograph both show.

`habitus` chooses the numbers, `thorax` says where soft organs lie, `skeleton` and `trees` give
bones, vessels and airways as weighted points, `lesions` are findings of known extent, `devices`
what lies on or in a patient, and `film` turns lengths of tissue into a picture.

Coordinates are millimeters, RAS+: x to the patient's right, y forward, z up; z = 0 is the top of
the lungs, x = 0 the middle, y = 0 half-way from breastbone to back.
"""
