"""The table of usage rules, and how it is run."""

from collections.abc import Iterator
from typing import Final

from node.messages.iso20022.limits import VALUE_CHARS_MAX
from node.messages.iso20022.paths import shortened, value_of, xpath_of
from node.messages.iso20022.report import Finding
from node.messages.iso20022.rules import address, agents, amounts, identifiers, payment, text
from node.messages.iso20022.rules.rule import Problem, Rule, Subject

RULES: Final[tuple[Rule, ...]] = (
    *address.RULES,
    *identifiers.RULES,
    *agents.RULES,
    *amounts.RULES,
    *payment.RULES,
    *text.RULES,
)


def run(subject: Subject) -> Iterator[tuple[Rule, Problem]]:
    """Yield what the rules for this message find."""
    for rule in RULES:
        if rule.is_for(subject.family):
            for problem in rule.find(subject):
                yield rule, problem


def told(rule: Rule, problem: Problem) -> Finding:
    """Return a problem as a report tells it."""
    value = value_of(problem.element) if problem.value is None else problem.value
    return Finding(
        rule=rule.id,
        severity=rule.severity,
        xpath=xpath_of(problem.element),
        value=value[:VALUE_CHARS_MAX],
        text=shortened(problem.text),
        repair=problem.repair,
    )
