"""Solvers: each takes an operator or features and returns a Solution."""

from ogive.solvers.coefficient_ridge import coefficient_ridge as coefficient_ridge
from ogive.solvers.definite_ridge import definite_ridge as definite_ridge
from ogive.solvers.krein_ridge import krein_ridge as krein_ridge
from ogive.solvers.landmark_ridge import landmark_ridge as landmark_ridge
from ogive.solvers.penalty import AUTO as AUTO
from ogive.solvers.selection import RidgePlan as RidgePlan
from ogive.solvers.selection import select_ridge_solver as select_ridge_solver
from ogive.solvers.solution import Solution as Solution
