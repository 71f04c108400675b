"""Places that people of the district walk and drive to beside its named buildings, and the car trips of an hour."""

from __future__ import annotations

from pathlib import Path

from district import layout

_HEAD = "# licence: CC0-1.0\n# attribution: Lindenau am Wehr, invented sample district"
_PLACES = (
    ("feuerwache", "fire_station", "Feuerwache am Fluss", 233.0, 14.0),
    ("halt-markt", "stop", "Haltestelle Markt", 246.0, 184.0),
    ("halt-finkenweg", "stop", "Haltestelle Finkenweg", 150.0, 330.0),
    ("apotheke", "pharmacy", "Löwenapotheke", 262.0, 215.0),
    ("praxis", "doctor", "Praxis Dr. Amsel", 312.0, 262.0),
    ("tagespflege", "care_home", "Tagespflege am Gleis", 400.0, 428.0),
    ("spielplatz", "playground", "Spielplatz am Teich", 70.0, 150.0),
)
_TRIPS = (
    ("feuerwache", "Frischemarkt Lindenau", 180), ("Frischemarkt Lindenau", "feuerwache", 160), ("feuerwache", "apotheke", 90),
    ("Bahnhof Lindenau", "feuerwache", 140), ("feuerwache", "Bahnhof Lindenau", 120), ("halt-finkenweg", "Frischemarkt Lindenau", 70),
    ("Metallbau Weidner", "feuerwache", 60), ("halt-finkenweg", "praxis", 45),
)  # fmt: skip


def write_places(path: Path) -> None:
    """Write the table of places."""
    east, north = layout.ORIGIN
    rows = [f"{key},{kind},{name},{east + u:.1f},{north + v:.1f}" for key, kind, name, u, v in _PLACES]
    path.write_bytes(("\n".join([_HEAD, "id,kind,name,x,y", *rows]) + "\n").encode())


def write_trips(path: Path) -> None:
    """Write the car trips of an hour between places."""
    rows = [f"{start},{end},{number}" for start, end, number in _TRIPS]
    path.write_bytes(("\n".join([_HEAD, "from,to,trips", *rows]) + "\n").encode())
