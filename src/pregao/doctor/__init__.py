"""A look at everything that can be wrong around Pregão: one file for each subject, each finding with its cure."""

from pregao.doctor.examination import examine, examine_environment
from pregao.doctor.finding import Finding

__all__ = ["Finding", "examine", "examine_environment"]
