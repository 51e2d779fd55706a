"""Distributed runs: a master that leads workers, and workers that run users for it.

`locust.runners` is the face of this package: scripts know the classes and the constants by that name.
"""
