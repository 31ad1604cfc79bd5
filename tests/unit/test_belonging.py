from __future__ import annotations

import pytest

from training.belonging import as_text


@pytest.mark.parametrize(("value", "text"), [
    ("Dubois", "Dubois"), ("", None), (None, None), (float("nan"), None), (3.0, "3"), (1_234_567.0, "1234567"), (2.5, "2.5"),
    (7, "7"), (True, "True"),
])  # fmt: skip
def test_an_attribute_is_written_as_its_owner_would(value: object, text: str | None) -> None:
    assert as_text(value) == text
