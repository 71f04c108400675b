"""Where a Dask client is open its workers read the tiles: a real cluster of processes on this machine."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from twin.city.citygml import read_citygml, tiles
from twin.errors import InputError

distributed = pytest.importorskip("distributed", reason="the extra for many processes (dask) is not installed")


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[object]:
    folder = tmp_path_factory.mktemp("dask")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, local_directory=str(folder)
        ) as cluster,
        distributed.Client(cluster) as opened,
    ):
        yield opened


@pytest.mark.slow
def test_workers_of_a_cluster_read_the_same_city(client, shared, monkeypatch):
    folder = shared / "data" / "berlin-lod2"
    read_by: list[object] = []
    gather = client.gather
    monkeypatch.setattr(client, "gather", lambda futures: read_by.append(client.who_has(futures)) or gather(futures))
    city = read_citygml(sorted(folder.glob("39*.gml")))
    assert len(read_by) == 1
    assert len(read_by[0]) == 3
    monkeypatch.setattr(tiles, "_dask_client", lambda: None)
    alone = read_citygml(sorted(folder.glob("39*.gml")))
    np.testing.assert_array_equal(city.polygons.xyz, alone.polygons.xyz)
    for name in ("objects", "surfaces", "boundaries", "shells", "gaps"):
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(city, name)), pd.DataFrame(getattr(alone, name)), obj=name)


@pytest.mark.slow
def test_what_is_wrong_with_a_file_is_said_through_the_cluster(client, shared, tmp_path):
    broken = tmp_path / "cut.gml"
    broken.write_bytes((shared / "data" / "nrw-adv-lod2" / "in_old.gml").read_bytes()[:40_000])
    with pytest.raises(InputError, match=r"cut\.gml"):
        read_citygml([broken, shared / "data" / "nrw-adv-lod2" / "in_old.gml"])
