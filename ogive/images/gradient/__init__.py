"""Classifiers of pictures trained by gradient."""
