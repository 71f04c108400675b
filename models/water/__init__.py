"""Stormwater and tree water: rain, losses, surface flow, sewers, and the soil water of trees (to come)."""
