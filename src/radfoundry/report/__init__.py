"""The page for people, and the scorecard that it and scripts read.

* `page`: one self-contained HTML file. `cohorts`, `exhibits`: its sections on real and drawn cases.
* `charts`, `slices`, `overlays`: pictures. `scorecard`: every headline number as a row.
"""
