"""Pictures of networks and of their training, drawn with matplotlib: ``pip install matplotlib``.

Each function draws into `ax` if it is given, else into a figure of its own, and returns the Axes it drew into, or an
array of them. ``ax.figure.savefig("picture.png")`` writes a file, with no screen needed. If the program has imported
``matplotlib.pyplot``, or runs in IPython or a notebook, figures are pyplot's: notebooks show them, and so does
``plt.show()``. No global setting of matplotlib is changed.

Colours are ones that colour-blind readers tell apart, and never the only cue: line styles, marks, signs or text say the
same.
"""

from nncore.plots.activations import activation_functions
from nncore.plots.boundary import decision_boundary
from nncore.plots.curves import gradient_norms, learning_curves
from nncore.plots.diagram import network_diagram
from nncore.plots.distributions import activation_distributions, weight_distributions
from nncore.plots.features import feature_images
from nncore.plots.predictions import confusion_matrix, predicted_vs_true
from nncore.plots.surface import loss_surface

__all__ = [
    "activation_distributions",
    "activation_functions",
    "confusion_matrix",
    "decision_boundary",
    "feature_images",
    "gradient_norms",
    "learning_curves",
    "loss_surface",
    "network_diagram",
    "predicted_vs_true",
    "weight_distributions",
]
