"""Operators: matrices that are multiplied, not stored."""

from ogive.operators.additive_operator import AdditiveOperator as AdditiveOperator
from ogive.operators.base import Operator as Operator
from ogive.operators.chebyshev import ChebyshevPlan as ChebyshevPlan
from ogive.operators.kernel_operator import KernelOperator as KernelOperator
from ogive.operators.low_rank import LowRank as LowRank
from ogive.operators.precision import Precision as Precision
