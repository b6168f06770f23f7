"""Messages of other projects with verdicts (tests/vectors/iso20022, SOURCES.md): each verdict comes out the same."""

import csv
from pathlib import Path
from typing import Final

import pytest

from node.messages.iso20022.catalogue import manifest
from node.messages.iso20022.report import Verdict
from node.messages.iso20022.validation import validate

VECTORS: Final = Path(__file__).parents[3] / "vectors" / "iso20022"
LABELS: Final = list(csv.DictReader((VECTORS / "labels.csv").read_text("utf-8").splitlines()))
VERDICTS: Final = {
    "valid": Verdict.VALID,
    "invalid": Verdict.INVALID,
    "no-schema": Verdict.NOT_CHECKED,
}
# Corporate actions: there is no schema of them in the package.
NOT_SHIPPED: Final = "seev.031.002.09"


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label["file"])
def test_schema_verdict_is_the_labels_when_a_sample_is_judged(label: dict[str, str]) -> None:
    report = validate((VECTORS / label["file"]).read_bytes())
    expected = Verdict.NOT_CHECKED if label["message"] == NOT_SHIPPED else VERDICTS[label["xsd_verdict"]]
    assert report.schema is expected
    assert report.definition == (label["message"] if expected is not Verdict.NOT_CHECKED else report.definition)


@pytest.mark.parametrize("path", sorted(VECTORS.rglob("*.head.xml")), ids=lambda path: path.name)
def test_header_is_valid_when_a_sample_header_is_judged(path: Path) -> None:
    report = validate(path.read_bytes())
    assert (report.definition, report.schema) == ("head.001.001.02", Verdict.VALID)


def test_samples_are_many_and_of_both_verdicts_when_counted() -> None:
    counts = {verdict: sum(1 for label in LABELS if label["xsd_verdict"] == verdict) for verdict in VERDICTS}
    assert counts["valid"] > 70
    assert counts["invalid"] > 20
    assert NOT_SHIPPED not in manifest()


@pytest.mark.parametrize(
    ("file", "rules"),
    [
        ("pacs008/standard.xml", set()),
        ("pacs008/cbpr_charity_donation.xml", {"address.unstructured"}),
        ("pacs008/cbpr_tax_payment.xml", {"identifier.lei"}),
        ("pacs008/regulatory_compliant.xml", {"address.town"}),
        ("pacs009/bank_transfer_non_cover.xml", set()),
        ("pain001/cbpr_supplier_batch.xml", {"address.town", "address.unstructured"}),
    ],
)
def test_usage_rules_find_what_the_schema_cannot_when_a_sample_is_judged(file: str, rules: set[str]) -> None:
    report = validate((VECTORS / "mxmessage" / file).read_bytes())
    assert report.schema is Verdict.VALID
    assert {one.rule for one in report.errors} == rules
    assert report.usage is (Verdict.INVALID if rules else Verdict.VALID)
