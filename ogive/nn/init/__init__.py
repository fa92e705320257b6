"""Initialisation: by theory, or from a batch of data."""

from ogive.nn.init.critical import critical_ as critical_
from ogive.nn.init.delta_orthogonal import delta_orthogonal_ as delta_orthogonal_
from ogive.nn.init.lsuv import lsuv_ as lsuv_
from ogive.nn.init.measure import LayerPropagation as LayerPropagation
from ogive.nn.init.measure import measure_propagation as measure_propagation
from ogive.nn.init.prototypes import prototypes_ as prototypes_
