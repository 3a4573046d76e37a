"""The law that makes a density a density, as a tool for anyone's network: no output sees what comes later.

Reading order: `order` (who may see whom) · `layouts` (of outputs) · `subject` (any network as a function with known
outputs) · `dependence` (what an output depends on, by gradients and by changes) · `judge` (leaks, coverage, likely
mistakes) · `findings` (the report) · `auditor` (all of it together) · `text`, `picture` (the report to be read).
"""

from pixelrnn.causality.auditor import audit, brief_audit
from pixelrnn.causality.findings import Audit, Coverage, Leak, Part
from pixelrnn.causality.picture import picture

__all__ = ["Audit", "Coverage", "Leak", "Part", "audit", "brief_audit", "picture"]
