"""How good a classifier is: on images that taught nothing, beside what needs no training."""
