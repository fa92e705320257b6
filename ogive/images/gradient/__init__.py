"""Classifiers of pictures trained by gradient: a network, and patch features with their head."""
