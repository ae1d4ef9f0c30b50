"""The catalogue of mutants follows the code: `make mutants` takes too long to be the first that notices."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_breaks_is_in_the_code_once_and_its_tests_exist(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.old) == 1, f"{mutant.file} has changed: say anew what to break"
    assert all((ROOT / test).exists() for test in mutant.tests)
