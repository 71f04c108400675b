"""Results side by side: what each variant changes, what that costs per effect, and the words for it.

The first of all is the table of indicators with differences to the baseline; maps of differences of one layer share one
scale over all variants; sentences are made from the numbers alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from twin.errors import InputError
from twin.language import default_language, text
from twin.scenario import handouts
from twin.scenario.cards import Card, card_of, key
from twin.scenario.indicators import labelled
from twin.scenario.results import Result, plain
from twin.scenario.rules import rule_of
from twin.scenario.wording import sentences

__all__ = ["EFFECTS", "Comparison", "compare", "difference_maps"]

EFFECTS = (
    "area_utci_above_38",
    "area_utci_above_32",
    "utci_mean",
    "shade_share",
    "unsealed_m2",
    "canopy_share",
    "flood_area_above_30",
    "rain_share_outflow",
)
"""Indicators whose improvement is set against the costs."""

_MAPS = {"summary": ("utci_14", "utci_max", "tmrt_14"), "water": ("depth_max",)}
_EVERY_DAY = ("utci_under_crowns_minus_open_sealed", "shade_share")
_MOST_MAPS = 8  # variants whose maps are made unless asked otherwise

Source = Result | str | PathLike[str]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Variants compared with a baseline.

    Parameters
    ----------
    baseline : Card
        What the others are compared with.
    variants : tuple of Card
        In the order they were given.
    table : pandas.DataFrame
        One row an indicator and variant: ``variant``, ``name``, ``label``, ``unit``, ``time``, ``baseline``, ``value``,
        ``difference``, ``percent``, ``better`` (1 = better for people, -1 = worse, 0 = the same or neither).
    ranking : pandas.DataFrame
        One row an effect and variant with costs: ``effect``, ``unit``, ``variant``, ``improvement``, ``cost`` [EUR],
        ``yearly`` [EUR/a], ``per_effect`` [EUR a year and unit], ``rank``.
    maps : mapping of str to xarray.Dataset
        Differences (variant minus baseline) by variant; ``attrs["bound"]`` of a layer is the end of its scale.
    """

    baseline: Card
    variants: tuple[Card, ...]
    table: pd.DataFrame
    ranking: pd.DataFrame
    maps: Mapping[str, xr.Dataset]

    def wide(self, language: str | None = None) -> pd.DataFrame:
        """Return one row an indicator, with the baseline, and value and difference of each variant as columns."""
        chosen = labelled(self.table, language)
        index = ["label", "unit", "time", "baseline"]
        order = chosen.drop_duplicates("key")[["key", *index]].set_index("key")
        for card in self.variants:
            rows = chosen[chosen["variant"] == card.name].set_index("key")
            order[card.name] = rows["value"]
            order[f"{card.name} Δ"] = rows["difference"]
        return order.reset_index(drop=True)

    def text(self, language: str | None = None) -> str:
        """Return what the numbers say, a paragraph a variant."""
        chosen = language or default_language()
        return "\n\n".join(" ".join(sentences(self, card, chosen)) for card in self.variants)

    def __repr__(self) -> str:
        names = ", ".join(card.name for card in self.variants)
        return f"<Comparison of {names} with {self.baseline.name}: {self.table['key'].nunique()} indicators>"

    def show(self, language: str | None = None) -> None:
        """Show the table, the ranking and the words in a terminal or a notebook."""
        from twin.scenario.showing import show_comparison

        show_comparison(self, language or default_language())

    def save(self, folder: str | PathLike[str]) -> Path:
        """Write ``comparison.csv``, ``ranking.csv``, ``comparison.json`` and maps of differences as GeoTIFF.

        Parameters
        ----------
        folder : path
            Made where it is missing; files of an older comparison are replaced.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {"index": False, "lineterminator": "\n", "encoding": "utf-8", "float_format": "%.6g"}
        self.table.drop(columns="key").to_csv(place / "comparison.csv", date_format="%Y-%m-%dT%H:%MZ", **options)
        self.ranking.to_csv(place / "ranking.csv", **options)
        document = {
            "baseline": self.baseline.name,
            "variants": [card.name for card in self.variants],
            "text": {language: self.text(language) for language in ("en", "de")},
            "rows": json.loads(self.table.drop(columns="key").to_json(orient="records", date_format="iso")),
            "ranking": json.loads(self.ranking.to_json(orient="records")),
        }
        content = json.dumps(plain(document), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
        (place / "comparison.json").write_text(content, encoding="utf-8")
        for number, data in enumerate(self.maps.values(), 1):
            (place / "maps").mkdir(exist_ok=True)
            for name, layer in data.data_vars.items():
                file = place / "maps" / f"{self.variants[number - 1].place}_minus_baseline_{name}.tif"
                handouts.write_cog(layer, file, description=str(layer.attrs["long_name"]))
        return place


def compare(variants: Source | Sequence[Source], baseline: Source, *, maps: bool | None = None) -> Comparison:
    """Compare results with a baseline.

    Parameters
    ----------
    variants : Result, path or sequence of them
        What is compared: results in memory or folders of results.
    baseline : Result or path
        What they are compared with.
    maps : bool, optional
        Whether maps of differences are made; by default for up to eight variants.

    Returns
    -------
    Comparison
        Table, ranking by costs per effect, maps and words.

    Raises
    ------
    InputError
        If a result is missing, has another grid, or was made with another version.

    Examples
    --------
    >>> comparison = compare("results/square-2035", "results/hitzetag")  # doctest: +SKIP
    >>> print(comparison.text("de"))  # doctest: +SKIP
    """
    single = isinstance(variants, Result | str | PathLike)
    given: Sequence[Any] = [variants] if single else list(variants)  # type: ignore[arg-type]
    if not given:
        raise InputError(text("comparison.nothing"))
    first = card_of(baseline)
    cards = _named([card_of(one) for one in given], first)
    for card in cards:
        _refuse_other(card, first)
    table = _compared(cards, first)
    wanted = len(cards) <= _MOST_MAPS if maps is None else maps
    found = difference_maps({card.name: card.result() for card in cards}, first.result()) if wanted else {}
    return Comparison(first, tuple(cards), table, _ranking(table, cards), found)


def _named(cards: list[Card], baseline: Card) -> list[Card]:
    """Return the cards with names of their own: a title met again takes the name of its folder with it."""
    import dataclasses

    seen, named = {baseline.name}, []
    for card in cards:
        name, number = card.name, 2
        if name in seen:
            name = f"{card.name} ({card.place})"
        while name in seen:
            name, number = f"{card.name} ({card.place} {number})", number + 1
        seen.add(name)
        named.append(dataclasses.replace(card, name=name))
    return named


def _refuse_other(card: Card, baseline: Card) -> None:
    if card.version != baseline.version:
        raise InputError(
            text(
                "comparison.other_version",
                name=card.name,
                own=card.version,
                other=baseline.version,
                baseline=baseline.name,
            )
        )
    if plain(card.grid) != plain(baseline.grid):
        raise InputError(text("comparison.other_grid", name=card.name, baseline=baseline.name))


def _hottest(indicators: pd.DataFrame) -> pd.Timestamp | None:
    mean = indicators[(indicators["name"] == "utci_mean") & indicators["time"].notna()].reset_index(drop=True)
    return None if not len(mean) else mean["time"].iloc[int(np.argmax(mean["value"].to_numpy()))]


def _compared(cards: Sequence[Card], baseline: Card) -> pd.DataFrame:
    """Return the table of differences: whole run, the baseline's most stressful hour, and the afternoons."""
    all_rows = baseline.indicators
    keep = all_rows["time"].isna() | (all_rows["time"] == _hottest(all_rows)) | all_rows["name"].isin(_EVERY_DAY)
    stamps = all_rows["time"].dt.strftime("%Y-%m-%dT%H:%M").fillna("")
    first = all_rows.assign(key=list(map(key, all_rows["name"], stamps)))[keep].drop_duplicates("key")
    values = np.array([[card.values.get(one, np.nan) for one in first["key"]] for card in cards])
    before = first["value"].to_numpy(dtype=float)
    better = np.array([{"less": -1, "more": 1}.get(rule_of(name)["better"], 0) for name in first["name"]])
    difference = values - before
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = np.where(before != 0.0, 100.0 * difference / np.abs(before), np.nan)
    rows = np.tile(np.arange(len(first)), len(cards))
    table = first[["key", "name", "label", "unit", "time", "uncertainty"]].iloc[rows].reset_index(drop=True)
    table = table.assign(
        variant=np.repeat([card.name for card in cards], len(first)),
        baseline=np.tile(before, len(cards)),
        value=values.ravel(),
        difference=difference.ravel(),
        percent=percent.ravel(),
        better=(np.sign(np.nan_to_num(difference)) * better).astype(int).ravel(),
    )
    return table[~((table["baseline"] == 0.0) & (table["value"] == 0.0))].reset_index(drop=True)


def _ranking(table: pd.DataFrame, cards: Sequence[Card]) -> pd.DataFrame:
    """Return the costs of a year per unit of each effect, the cheapest first."""
    costs = {card.name: (card.total("cost"), card.total("yearly")) for card in cards}
    rows = []
    for row in table[table["name"].isin(EFFECTS)].drop_duplicates(["variant", "name"]).to_dict("records"):
        cost, yearly = costs[row["variant"]]
        rule = rule_of(row["name"])
        improvement = float(row["difference"]) * (1.0 if rule["better"] == "more" else -1.0)
        shown = improvement >= 10.0 ** -int(rule["decimals"])  # less is not told, so not priced either
        if yearly > 0:
            per = yearly / improvement if shown else np.nan
            rows.append((row["name"], row["unit"], row["variant"], improvement, cost, yearly, per))
    columns = ["effect", "unit", "variant", "improvement", "cost", "yearly", "per_effect"]
    ranking = pd.DataFrame(rows, columns=columns)
    ranking["rank"] = ranking.groupby("effect")["per_effect"].rank(method="min")
    place = ranking["effect"].map({effect: number for number, effect in enumerate(EFFECTS)})
    return ranking.assign(place=place).sort_values(["place", "rank"], na_position="last").drop(columns="place")


def difference_maps(results: Mapping[str, Result], baseline: Result) -> dict[str, xr.Dataset]:
    """Return maps of differences, variant minus baseline, with one scale a layer over all variants.

    Parameters
    ----------
    results : mapping of str to Result
        Variants by name, on the grid of the baseline.
    baseline : Result
        What they are compared with.

    Returns
    -------
    dict of str to xarray.Dataset
        By variant; ``attrs["bound"]`` of each layer is the end of the symmetric scale they share.
    """
    found: dict[str, dict[str, xr.DataArray]] = {name: {} for name in results}
    for group, layers in _MAPS.items():
        for name, result in results.items():
            one, other = result.datasets.get(group), baseline.datasets.get(group)
            for layer in layers if one is not None and other is not None else ():
                if one is None or other is None or layer not in one or layer not in other:
                    continue
                difference = one[layer].astype(np.float32) - other[layer].astype(np.float32)
                units = str(other[layer].attrs.get("units", "")).replace("degC", "K")
                long_name = f"{other[layer].attrs.get('long_name', layer)}: {name} minus {baseline.name}"
                found[name][layer] = difference.rename(layer).assign_attrs(units=units, long_name=long_name)
    for layer in {layer for layers in found.values() for layer in layers}:
        bound = _bound([layers[layer].values for layers in found.values() if layer in layers])
        for own in found.values():
            if layer in own:
                own[layer].attrs["bound"] = bound
    return {name: _placed(own, baseline) for name, own in found.items() if own}


def _placed(layers: dict[str, xr.DataArray], baseline: Result) -> xr.Dataset:
    data = xr.Dataset(layers)
    return (
        data.assign_coords(spatial_ref=baseline.site["spatial_ref"]) if "spatial_ref" in baseline.site.coords else data
    )


def _bound(differences: Sequence[np.ndarray]) -> float:
    """Return a round end of a scale that holds nearly all differences that are not zero."""
    sizes = np.concatenate([np.abs(one[np.isfinite(one) & (one != 0.0)]).ravel() for one in differences])
    if not sizes.size:
        return 1.0
    most = float(np.percentile(sizes, 98))
    power = 10.0 ** np.floor(np.log10(most))
    return float(next(step * power for step in (1.0, 2.0, 5.0, 10.0) if most <= step * power * (1 + 1e-9)))
