"""Records of the official list of municipalities as tests need them: made up, in the official format."""

from __future__ import annotations

from pathlib import Path

EXCERPT = Path(__file__).parent / "data" / "GV100AD_30112025_07.txt"
"""Land 07 of a real edition."""


def record(kind: str, key: str, name: str, *, union: str = "", seat: str = "", mark: str = "", more: str = "") -> str:
    """One record of 220 characters."""
    return f"{kind}20251130{key:<8}{union:<4}{name:<50}{seat:<50}{mark:<6}{more:<92}"


def land(key: str, name: str = "Land") -> str:
    """Record 10."""
    return record("10", key, name, seat="Hauptstadt")


def district(key: str, name: str, mark: str = "44", seat: str = "") -> str:
    """Record 40."""
    return record("40", key, name, seat=seat or name, mark=mark)


def union(key: str, number: str, name: str, mark: str, seat: str = "") -> str:
    """Record 50: a Verband, or with `50` a Gemeinde in none."""
    return record("50", key, name, union=number, seat=seat, mark=mark)


def municipality(
    key: str,
    number: str,
    name: str,
    mark: str = "64",
    *,
    hectares: int = 1000,
    people: int = 500,
    postcode: str = "12345",
) -> str:
    """Record 60. `key` has eight digits."""
    figures = f"{hectares:011}{people:011}{people // 2:011}"
    return record("60", key, name, union=number, mark=mark, more=f"{figures}    {postcode:<5}")


def town(key: str, name: str, mark: str = "41", **figures: int) -> list[str]:
    """A kreisfreie Stadt: its three records. `key` has five digits."""
    return [
        district(key, name, mark),
        union(key, "0000", name, "50"),
        municipality(f"{key}000", "0000", name, "62" if mark == "42" else "61", **figures),  # type: ignore[arg-type]
    ]


def alone(key: str, number: int, name: str, mark: str = "64", **figures: int) -> list[str]:
    """A Gemeinde in no Verband: its two records."""
    return [
        union(key, f"{number:04}", name, "50"),
        municipality(f"{key}{number:03}", f"{number:04}", name, mark, **figures),  # type: ignore[arg-type]
    ]


def written(folder: Path, lines: list[str], *, encoding: str = "utf-8", name: str = "GV100AD_30112025.txt") -> Path:
    """A file of these records."""
    path = folder / name
    path.write_bytes(("\n".join(lines) + "\n").encode(encoding))
    return path
