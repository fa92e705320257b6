"""Features: landmarks and the signed Nyström map, as plain functions on tensors."""

from ogive.features.landmarks import distinct_rows as distinct_rows
from ogive.features.landmarks import group_rows as group_rows
from ogive.features.landmarks import leverage_scores as leverage_scores
from ogive.features.landmarks import select_landmarks as select_landmarks
from ogive.features.nystrom import SignedRoot as SignedRoot
from ogive.features.nystrom import signed_root as signed_root
