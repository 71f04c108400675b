"""Mobility under heat and flood: network, routing, access and traffic (to come)."""
