"""Contract suites, float64 oracles and one table of tolerances, for Ogive's tests and for yours.

A new kernel or operator passes if the checks here, plain functions that raise AssertionError, pass.

Examples
--------
>>> from ogive.kernels import Gaussian
>>> from ogive.testing import KernelCase, check_kernel, oracles
>>> check_kernel(KernelCase(Gaussian(0.5), oracles.gaussian(0.5)))
"""

from ogive.testing import oracles as oracles
from ogive.testing import ridge_oracles as ridge_oracles
from ogive.testing.kernel_cases import KERNEL_CASES as KERNEL_CASES
from ogive.testing.kernel_cases import SYMMETRIC_CASES as SYMMETRIC_CASES
from ogive.testing.kernel_cases import KernelCase as KernelCase
from ogive.testing.kernel_cases import read_only as read_only
from ogive.testing.kernel_contract import KERNEL_CHECKS as KERNEL_CHECKS
from ogive.testing.kernel_contract import MATRIX_CHECKS as MATRIX_CHECKS
from ogive.testing.kernel_contract import VALUE_CHECKS as VALUE_CHECKS
from ogive.testing.kernel_contract import check_kernel as check_kernel
from ogive.testing.kernel_operator_contract import KERNEL_OPERATOR_CHECKS as KERNEL_OPERATOR_CHECKS
from ogive.testing.kernel_operator_contract import check_bit_exact as check_bit_exact
from ogive.testing.kernel_operator_contract import lattice_data as lattice_data
from ogive.testing.kernel_operator_contract import operator_case as operator_case
from ogive.testing.layer_contract import LAYER_CHECKS as LAYER_CHECKS
from ogive.testing.layer_contract import LayerCase as LayerCase
from ogive.testing.layer_contract import check_layer as check_layer
from ogive.testing.operator_contract import OPERATOR_CHECKS as OPERATOR_CHECKS
from ogive.testing.operator_contract import OperatorCase as OperatorCase
from ogive.testing.operator_contract import as_array as as_array
from ogive.testing.operator_contract import as_tensor as as_tensor
from ogive.testing.operator_contract import check_operator as check_operator
from ogive.testing.raising import assert_raises as assert_raises
from ogive.testing.tolerances import TOLERANCES as TOLERANCES
from ogive.testing.tolerances import as_numpy as as_numpy
from ogive.testing.tolerances import assert_close as assert_close
from ogive.testing.tolerances import tolerance as tolerance
