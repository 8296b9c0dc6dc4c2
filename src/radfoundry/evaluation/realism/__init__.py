"""How near drawn images lie to real ones: distances between sets of described images.

* `feature_network`: the network that describes them, with its sizes in `feature_sizes`.
* `descriptions`: one row per image. `distances`: FID, KID, MMD, precision and recall between sets
  of rows, each with its real-against-real floor and its corrupted-real ceiling (`corruption`).
"""
