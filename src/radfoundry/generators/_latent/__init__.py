"""A latent autoencoder as one of a generator's networks: its sizes, its training, its round trip.

A generator names it among its `NETWORKS` and as `AUTOENCODER`, states `options.KEYS` under that
name in its `TRAIN`, lets its `fit` call `training.fit` with what draws its pictures, and offers
`round_trip`; see `docs/extending.md`. What stands on it takes it by `NEEDS`.
"""
