"""One day of one tree: rain through the crown, over the pit and into two soil layers, and back to the air.

The dual crop coefficient of FAO-56 (Allen et al. 1998, equation numbers in the code) on the ground over the roots, with
what a street tree adds: sparse interception (Gash et al. 1995, doi 10.1016/0022-1694(95)02697-N), sealed ground that lets
part of the rain through, transpiration of a crown that is larger or smaller than its root space, two layers, water held
above field capacity for days, capillary rise, and a trench that stores street runoff. All depths in mm over the root
area. With one layer, no crown store, nothing sealed and full drainage it is FAO-56 itself. Left out: snow, frost, hydraulic
redistribution, lateral flow.

The function is compiled into the kernel of :mod:`models.water.tree_kernel`, which runs it over blocks of trees.
"""

from __future__ import annotations

from numba import njit

__all__ = ["DAY_FLUXES", "FORCING", "PARAMETERS", "STATES", "tree_day"]

STATES = ("surface_depletion", "depletion_1", "depletion_2", "trench")
"""State of a tree [mm over its root area]; depletions count from field capacity, negative = wetter."""

FORCING = (
    "evapotranspiration",  # reference value in the open [mm/d]
    "beam",  # its part carried by direct radiation [mm/d]
    "sky",  # its part carried by the sky [mm/d]
    "rain",  # [mm/d]
    "dryness",  # weather term of FAO-56 Eq. 72: 0.04 (u2 - 2) - 0.004 (RHmin - 45) [1]
    "leaf",  # share of the full leaf area [1]
    "shade",  # share of the full ground shading [1]
    "height",  # share of (h / 3 m)^0.3 [1]
    "depth",  # share of the full depth of the second layer [1]
    "summer",  # 1 in the season of dry joints, 0 in winter [1]
    "runoff",  # runoff of connected ground [mm/d]
)
"""What a day brings to all trees of one weather cell and one kind."""

PARAMETERS = (
    "hidden_sky",  # 1 - sky view factor [1]
    "cover_bare",  # ground cover of the crown without leaves [1]
    "cover_leaf",  # with leaves [1]
    "saturation_bare",  # rain that fills the covered crown without leaves [mm]
    "saturation_leaf",  # with leaves [mm]
    "wet_evaporation",  # evaporation by rain of a wet crown [1]
    "overlap",  # share of the root area under the crown [1]
    "kcb_bare",  # basal coefficient of the crown without leaves [1]
    "kcb_leaf",  # with leaves [1]
    "crown_ratio",  # crown area by root area [1]
    "inlet_summer",  # share of the water on the ground that gets in, summer [1]
    "inlet_winter",  # winter [1]
    "unsealed",  # share of the ground that is open [1]
    "tew",  # total evaporable water of the surface [mm], Eq. 73
    "rew",  # readily evaporable water [mm]
    "taw_1",  # available water of the upper layer [mm]
    "taw_2",  # of the lower layer at full depth [mm]
    "growth",  # its growth with the roots [mm/d]
    "depletion_fraction",  # p at 5 mm/d [1], Table 22
    "root_share",  # weight of the upper layer for uptake [1]
    "height_factor",  # (h / 3 m)^0.3 [1]
    "drainage",  # share of the water above field capacity that drains in a day [1]
    "excess_1",  # most water above field capacity in the upper layer [mm]
    "excess_2",  # in the lower layer [mm]
    "capillary",  # rise into a layer at the wilting point [mm/d]
    "connected",  # connected area by root area [1]
    "trench_capacity",  # [mm]
    "trench_loss",  # infiltration of the trench into the ground below [mm/d]
    "trench_supply",  # share of the lower layer's depletion that roots draw from the trench in a day [1]
    "heavy_runoff",  # share of the rain above the limit that runs off [1]
    "heavy_limit",  # [mm/d]
)
"""Parameters of a tree."""

DAY_FLUXES = (
    "rain",
    "interception",
    "runoff",
    "evaporation",
    "transpiration",
    "percolation",
    "watering",
    "capillary_rise",
    "trench_inflow",
    "trench_overflow",
    "trench_infiltration",
    "demand",
    "stress",
)
"""What a day moves [mm over the root area]; demand = transpiration without stress; stress = 1 - Ks [1]."""


@njit(cache=True, nogil=True, error_model="numpy", forceinline=True)
def tree_day(weather, crown, soil, state, hidden_beam, watering, day, one, zero, tiny):  # type: ignore[no-untyped-def]
    """Advance one tree by one day.

    Parameters
    ----------
    weather, crown, soil, state : tuple of float
        Values in the order of FORCING, of the first 15 and of the other PARAMETERS, and of STATES.
    hidden_beam : float
        1 - sunlit share of the crown.
    watering : float
        [mm over the root area].
    day : float
        Days since the start of the run.
    one, zero, tiny : float
        1, 0 and 1e-9 in the precision wanted.

    Returns
    -------
    tuple of float
        The new state, then the fluxes of DAY_FLUXES less rain and watering.

    Notes
    -----
    Only ``min``-like choices, no branches: the compiler turns a block of trees into vector code.
    """
    eto, beam, sky, rain, dryness, leaf, shade, height, depth, summer, runoff_depth = weather
    (
        hidden_sky, cover_bare, cover_leaf, saturation_bare, saturation_leaf, wet_evaporation, overlap,
        kcb_bare, kcb_leaf, crown_ratio, inlet_summer, inlet_winter, unsealed, tew, rew,
    ) = crown  # fmt: skip
    (
        taw_1, taw_full, growth, p_table, root_share, height_factor, drainage, excess_1, excess_2,
        capillary, connected, trench_capacity, trench_loss, trench_supply, heavy_runoff, heavy_limit,
    ) = soil  # fmt: skip
    de, d1, d2, trench = state
    # Reference evapotranspiration of the site, not below zero
    et0 = eto - hidden_beam * beam - hidden_sky * sky
    et0 = et0 if et0 > zero else zero
    # Sparse Gash interception of the day's rain on the crown
    cover = cover_bare + leaf * (cover_leaf - cover_bare)
    fill = saturation_bare + leaf * (saturation_leaf - saturation_bare)
    beyond = rain - fill
    beyond = beyond if beyond > zero else zero
    held = cover * (rain - beyond + wet_evaporation * beyond)
    intercepted = overlap * held
    # Ground: heavy rain runs off, sealed ground lets part through
    ground = rain - intercepted
    heavy = ground - heavy_limit
    heavy = heavy_runoff * (heavy if heavy > zero else zero)
    inlet = inlet_winter + summer * (inlet_summer - inlet_winter)
    soaked = (ground - heavy) * inlet
    runoff = ground - soaked
    into = soaked + watering
    # Dual crop coefficient: Eqs. 72, 75, 74, 71, 69
    kcb = kcb_bare + leaf * (kcb_leaf - kcb_bare)
    kcb_ground = kcb * overlap
    kc_max = one + one / 5 + dryness * height_factor * height
    least = kcb_ground + one / 20
    kc_max = kc_max if kc_max > least else least
    few = (one - overlap * (cover_bare + shade * (cover_leaf - cover_bare))) * unsealed
    few = few if few > one / 100 else one / 100
    kr = (tew - de) / (tew - rew + tiny)
    kr = kr if kr < one else one
    kr = kr if kr > zero else zero
    ke = kr * (kc_max - kcb_ground)
    most = few * kc_max
    ke = ke if ke < most else most
    evaporation = ke * et0 * (one if unsealed > zero else zero)
    # Stress: Eqs. 82 to 84
    taw_2 = taw_full * depth + growth * day
    taw = taw_1 + taw_2
    p = p_table + (5 * one - (ke + kcb_ground) * et0) / 25
    p = p if p < 8 * one / 10 else 8 * one / 10
    p = p if p > one / 10 else one / 10
    ks = (taw - d1 - d2) / ((one - p) * taw + tiny)
    ks = ks if ks < one else one
    ks = ks if ks > zero else zero
    dry_energy = et0 - held
    dry_energy = dry_energy if dry_energy > zero else zero
    demand = kcb * dry_energy * crown_ratio
    wanted = ks * demand
    # Water gets in, roots and air draw it
    d1 = d1 - into
    left_1 = taw_1 - d1
    left_1 = left_1 if left_1 > zero else zero
    left_2 = taw_2 - d2
    left_2 = left_2 if left_2 > zero else zero
    weight_1, weight_2 = root_share * left_1, (one - root_share) * left_2
    from_1 = wanted * weight_1 / (weight_1 + weight_2 + tiny)
    from_1 = from_1 if from_1 < left_1 else left_1
    from_2 = wanted - from_1
    from_2 = from_2 if from_2 < left_2 else left_2
    left_1, left_2 = left_1 - from_1, left_2 - from_2
    air_1 = evaporation if evaporation < left_1 else left_1
    air_2 = evaporation - air_1
    air_2 = air_2 if air_2 < left_2 else left_2
    d1 = d1 + from_1 + air_1
    d2 = d2 + from_2 + air_2
    evaporation = air_1 + air_2
    transpiration = from_1 + from_2
    # Surface layer, Eqs. 77 to 79
    de = de - into
    de = (de if de > zero else zero) + evaporation / few
    de = de if de < tew else tew
    # Trench: inflow, overflow, roots, infiltration
    inflow = connected * runoff_depth
    trench = trench + inflow
    overflow = trench - trench_capacity
    overflow = overflow if overflow > zero else zero
    trench = trench - overflow
    need = d2 if d2 > zero else zero
    drawn = trench_supply * need
    drawn = drawn if drawn < trench else trench
    trench = trench - drawn
    lost = trench_loss if trench_loss < trench else trench
    trench = trench - lost
    # Capillary rise in proportion to the depletion of the lower layer
    rise = capillary * need / (taw_2 + tiny)
    room = need - drawn
    rise = rise if rise < room else room
    d2 = d2 - drawn - rise
    # What stands above field capacity drains downwards
    wet = -d1 if d1 < zero else zero
    down = drainage * wet
    spill = wet - excess_1
    down = down if down > spill else spill
    d1, d2 = d1 + down, d2 - down
    wet = -d2 if d2 < zero else zero
    percolation = drainage * wet
    spill = wet - excess_2
    percolation = percolation if percolation > spill else spill
    d2 = d2 + percolation
    return (
        de, d1, d2, trench,
        intercepted, runoff, evaporation, transpiration, percolation, rise, inflow, overflow, lost, demand, one - ks,
    )  # fmt: skip
