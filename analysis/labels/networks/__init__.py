"""Classifiers that are networks: augmentation, features of frozen layers, fitting."""
