"""Many networks at once: trained together, searched, cross-validated, averaged.

`fit_many` is what all else here is made of. Model k ends in the bits of its own ``fit``, so who trains it, when, where
and beside which others is free to choose. The way through it: `arguments` makes a `Job` of every model, with everything
checked, so that an error leaves all as they were; `table` holds what all of them read, converted once; `pool` trains
units of jobs, a thread of Python each, small networks in lanes of vectors, or `remote` does it elsewhere; `together`
puts the errors where they belong.
"""

from typing import TYPE_CHECKING

from nncore.base.lazy import loader

if TYPE_CHECKING:
    from nncore.many.candidates import Candidate
    from nncore.many.ensemble import Ensemble, EnsemblePredictor
    from nncore.many.population import predict_many
    from nncore.many.results import SearchResult
    from nncore.many.searching import search
    from nncore.many.space import Between
    from nncore.many.together import fit_many
    from nncore.many.validation import CrossValidation, cross_validate

HOMES = {
    "candidates": ("Candidate",),
    "ensemble": ("Ensemble", "EnsemblePredictor"),
    "population": ("predict_many",),
    "results": ("SearchResult",),
    "searching": ("search",),
    "space": ("Between",),
    "validation": ("CrossValidation", "cross_validate"),
    "together": ("fit_many",),
}

__getattr__ = loader(__name__, HOMES)

__all__ = [
    "Between",
    "Candidate",
    "CrossValidation",
    "Ensemble",
    "EnsemblePredictor",
    "SearchResult",
    "cross_validate",
    "fit_many",
    "predict_many",
    "search",
]
