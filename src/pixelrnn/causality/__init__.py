"""The law that makes a density a density, for anyone's network: no output sees what comes later.

In reading order:

    order       who may see whom
    layouts     of a network's outputs
    subject     any network as a function whose outputs can be read
    dependence  what an output depends on, by gradients and by changes
    report      what was found: plain values, text, JSON
    auditor     leaks, coverage, likely mistakes; and all of it together
    picture     what outputs see, drawn
"""

from pixelrnn.causality.auditor import audit, brief_audit
from pixelrnn.causality.picture import draw_audit
from pixelrnn.causality.report import Audit, Coverage, Leak, Part

__all__ = ["Audit", "Coverage", "Leak", "Part", "audit", "brief_audit", "draw_audit"]
