"""Geometric bodies: one thorax, described by numbers, that a CT and a radiograph both show.

`habitus` chooses a person, `findings` what ails them, `cohort` their examinations. `cage`,
`trunk`, `mediastinum` and `thorax` say where soft organs lie, `skeleton` and `trees` give bones,
vessels and airways as weighted points (`space`), `lesions` are findings of known extent,
`devices` what lies on or in a patient. `film` turns lengths of tissue into a picture, and `scene`
is a body as the rays of a radiograph meet it; `chest` is one as a CT shows it, with `viscera`,
`surroundings`, `branches` and `fissures`, put on voxels by `painting`. `organs` and `tumours` make
the phantoms of tumours.

Coordinates are millimeters, RAS+: x to the patient's right, y forward, z up; z = 0 is the top of
the lungs, x = 0 the middle, y = 0 half-way from breastbone to back.
"""
