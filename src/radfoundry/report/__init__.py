"""The page for people, and the scorecard that it and scripts read.

* `page`: one self-contained HTML file. `cohorts`, `samples`, `exhibits`: its sections and pictures.
* `charts`, `slices`, `overlays`: pictures. `scorecard`: every headline number as a row.
"""
