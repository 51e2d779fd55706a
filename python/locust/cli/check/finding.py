"""What the check found, as values that go through JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from .rules import DIFFERS, RULES, Rule


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One place in a file that a rule speaks of."""

    file: str
    line: int
    rule: str
    what: str
    """The thing found there, e.g. `raise StopTest`."""

    @property
    def about(self) -> Rule:
        """The rule it is by."""
        return RULES[self.rule]


@dataclass(slots=True)
class Verdict:
    """Everything that is known about one locustfile."""

    file: str
    users: list[str] = field(default_factory=list)
    shapes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    problem: str | None = None
    """Why it cannot be run; the script's part of the traceback."""
    skipped: str | None = None
    """Why it was read but not imported."""

    @property
    def differs(self) -> bool:
        """Whether anything behaves differently."""
        return any(finding.about.level == DIFFERS for finding in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        if self.problem is not None:
            result = "cannot-be-run"
        else:
            result = "differs" if self.differs else "runs-as-is"
        return {
            "file": self.file,
            "result": result,
            "users": self.users,
            "shapes": self.shapes,
            "problem": self.problem,
            "not_imported": self.skipped,
            "findings": [
                {
                    **asdict(finding),
                    "level": finding.about.level,
                    "difference": finding.about.difference,
                    "why": finding.about.why,
                }
                for finding in self.findings
            ],
        }
