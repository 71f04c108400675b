"""Validity of the city's geometry: rings, polygons, shells, solids and buildings, by the codes of val3dity.

:func:`validate` returns a table of findings with their places; :class:`Validity` also tells what was looked at and
what was left out. Checks climb from rings to buildings: a polygon whose ring crosses itself keeps its shell from being
checked, and a shell that is not closed keeps its solid from being compared, so that one slip is told once.

Source: Ledoux (2018), val3dity: validation of 3D GIS primitives according to the international standards,
doi:10.1186/s40965-018-0043-x; Ledoux (2013), doi:10.1111/mice.12043.
"""

from __future__ import annotations

from twin.city.validity.checking import Validity, validate
from twin.city.validity.codes import Code, codes
from twin.city.validity.findings import messages, summary

__all__ = ["Code", "Validity", "codes", "messages", "summary", "validate"]
