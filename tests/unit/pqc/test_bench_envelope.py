from scripts.bench_envelope import figures


def test_figures_cover_both_suites_when_measured_once():
    found = figures(runs=1)
    assert {"X-Wing_seal_us", "MLKEM1024-P384_unseal_us"} < found.keys()
    for name in (
        "id-MLDSA65-Ed25519-SHA512_X-Wing",
        "id-MLDSA87-ECDSA-P384-SHA512_MLKEM1024-P384",
        "quantum_id-MLDSA65-Ed25519-SHA512_X-Wing",
    ):
        assert {f"{name}_bytes", f"{name}_sign_and_seal_us", f"{name}_open_and_verify_us"} < found.keys()
    assert 8_000 < found["id-MLDSA65-Ed25519-SHA512_X-Wing_bytes"] < 9_000
