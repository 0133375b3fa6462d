"""Power loss: images of what a disk may hold; GOVLINT_CAMPAIGN=1 makes it 8,000, not 250."""

from __future__ import annotations

import os
import random
from pathlib import Path

import power_loss
import pytest

IMAGES = 8_000 if os.environ.get("GOVLINT_CAMPAIGN") else 250


def test_no_image_of_the_disk_lacks_what_was_acknowledged(tmp_path: Path) -> None:
    assert power_loss.campaign(IMAGES, 1, tmp_path) >= IMAGES - len(power_loss.LOSSES)


@pytest.mark.parametrize(
    ("wanted", "instead"),
    [("synchronous=FULL", "synchronous=NORMAL"), ("synchronous=EXTRA", "synchronous=OFF")],
)
def test_less_care_would_be_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, instead: str
) -> None:
    execute = power_loss._Connection.execute

    def careless(self: power_loss._Connection, statement: str, values: object = ()) -> object:
        return execute(self, statement.replace(wanted, instead), values)

    monkeypatch.setattr(power_loss._Connection, "execute", careless)
    with pytest.raises(AssertionError, match=r"repeat: python tests/power_loss\.py"):
        power_loss.campaign(1000, 1, tmp_path)


def test_a_write_that_nobody_synced_may_be_gone(tmp_path: Path) -> None:
    disk = power_loss.Disk()
    for op in (
        power_loss.Op("write", "f", 0, b"old"),
        power_loss.Op("sync", "f"),
        power_loss.Op("write", "f", 5, b"new"),
        power_loss.Op("truncate", "g", 0),
    ):
        disk.apply(op)
    pick = random.Random(1)
    assert disk.image("nothing", pick) == {"f": b"old"}
    assert disk.image("everything", pick) == {"f": b"old\0\0new", "g": b""}
    disk.apply(power_loss.Op("delete", "f"))
    assert disk.image("nothing", pick) == {"f": b"old"}
    disk.apply(power_loss.Op("sync", "f"))
    assert "f" not in disk.image("everything", pick)
