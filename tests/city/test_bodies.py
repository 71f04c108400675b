"""Bodies of several cities as one: what is numbered stays apart."""

import numpy as np
import pandas as pd
import pytest

from twin.city import bodies
from twin.city.citygml import read_citygml
from twin.city.model import City
from twin.city.validity.members import shells_of


@pytest.fixture(scope="module")
def solid(shared) -> City:
    return read_citygml(shared / "data" / "nrw-adv-lod2" / "in_old.gml")


def test_solids_of_joined_cities_have_numbers_of_their_own(solid):
    both = bodies.joined([solid, solid, solid], solid.crs)
    numbers = both.shells["solid"].to_numpy()
    thirds = np.split(numbers, 3)
    assert len(solid.shells)
    assert thirds[0].max() < thirds[1].min()
    assert thirds[1].max() < thirds[2].min()
    assert len(shells_of(both)) == 3 * len(shells_of(solid))


def test_composite_solids_are_numbered_on_and_none_stays_none(solid):
    count = len(solid.shells)
    told = solid.replace(shells=solid.shells.assign(composite=np.where(np.arange(count) % 2, 4, -1)))
    composite = bodies.joined([told, told], solid.crs).shells["composite"].to_numpy()
    assert pd.unique(composite).tolist() == [-1, 4, 9]
