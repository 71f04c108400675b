"""What the benchmark of city data runs: each entry is (imports, call, what was found), run in a process of its own."""

from __future__ import annotations

CEILING = "ceiling: start tags counted (expat)"
JSON = "json of the standard library: to Python objects"
LOADED = """
from twin.city.citygml import read_citygml
from twin.city.citygml.scanning import scan_document
ring = b"<b:lod1MultiSurface><g:Polygon><g:exterior><g:LinearRing><g:posList>0 0 0 1 0 0 1 1 0</g:posList></g:LinearRing></g:exterior></g:Polygon></b:lod1MultiSurface>"
scan_document([b'<CityModel xmlns="http://www.opengis.net/citygml/2.0" xmlns:b="http://www.opengis.net/citygml/building/2.0" xmlns:g="http://www.opengis.net/gml"><b:Building>' + ring + b"</b:Building></CityModel>"], "warm")
"""
COUNTS = "{k: v for k, v in result.counts().items() if v} | {'points': len(result.polygons.xyz)}"
COLUMNS = "{'objects': len(result.object_ids), 'polygons': len(result.polygon_ids), 'numbers': len(result.values)}"

CITYGML = {
    CEILING: (
        "from xml.parsers import expat\n"
        "def count(path):\n"
        "    n = [0]\n"
        "    def start(name, attrs):\n"
        "        n[0] += 1\n"
        "    parser = expat.ParserCreate(); parser.StartElementHandler = start\n"
        "    with open(path, 'rb') as stream:\n"
        "        parser.ParseFile(stream)\n"
        "    return n[0]",
        "count(sys.argv[1])",
        "{'elements': result}",
    ),
    "urban-twin: city with footprints, planes, hashes": (LOADED, "read_citygml(sys.argv[1])", COUNTS),
    "urban-twin: of it the scan to columns": (
        LOADED,
        "scan_document(iter(lambda s=open(sys.argv[1], 'rb'): s.read(1 << 20), b''), 'file')",
        COLUMNS,
    ),
    "urban-twin: through expat (unusual files)": (
        "from twin.city.citygml.events import parse",
        "parse(iter(lambda s=open(sys.argv[1], 'rb'): s.read(1 << 20), b''), 'file')",
        COLUMNS,
    ),
}
CITYGML_PEERS = {
    "bimfabrikhh-core-rs": (
        "import bimfabrikhh_core_rs as peer",
        "peer.parse_gml(sys.argv[1])",
        "{'buildings': len(result)}",
    ),
    "voxcity": (
        "from voxcity.downloader.citygml import process_citygml_file as peer",
        "peer(sys.argv[1])",
        "{'buildings': len(result[0])}",
    ),
    "pyogrio": ("import pyogrio as peer", "peer.read_dataframe(sys.argv[1])", "{'features': len(result)}"),
    "lxml: whole document": (
        "from lxml import etree",
        "etree.parse(sys.argv[1], etree.XMLParser(huge_tree=True))",
        "{'elements': sum(1 for _ in result.iter())}",
    ),
}

TWO_PROCESSES = (
    "import pathlib\nfrom twin.city.citygml.files import find_files\nfrom twin.city.citygml.tiles import answers",
    "list(answers(find_files([pathlib.Path(p) for p in sys.argv[1:]]), None, None, workers=2))",
    "{'objects': sum(len(answer.columns.objects['id']) for answer in result)}",
)

_WARM = """
from twin.city.cityjson import read_cityjson, write_cityjson
from twin.city.cityjson import lists, faces
import numpy as np, twin.city.cityjson.rings, twin.city.cityjson.spans, twin.city.newell
lists.compiled([b"[[[0, 1, 2]]]"])
twin.city.cityjson.spans.list_spans(b"{}")
faces._compiled(np.arange(3), np.array([3]), np.eye(3))
twin.city.newell.vector_areas(np.eye(3), np.array([0, 3]), np.zeros((1, 3)))
"""
CITYJSON = {
    JSON: ("", "json.load(open(sys.argv[1], 'rb'))", "{'objects': len(result['CityObjects'])}"),
    "urban-twin: city with footprints, planes, hashes": (_WARM, "read_cityjson(sys.argv[1])", COUNTS),
    "urban-twin: of it the columns": (
        _WARM + "from twin.city.cityjson.reading import columns_of_file",
        "columns_of_file(sys.argv[1])",
        "{'objects': len(result.objects['id']), 'polygons': len(result.polygons)}",
    ),
}
CITYJSON_PEERS = {
    "orjson: to Python objects": (
        "import orjson",
        "orjson.loads(open(sys.argv[1], 'rb').read())",
        "{'objects': len(result['CityObjects'])}",
    ),
    "cjio: to Python objects": (
        "from cjio import cityjson",
        "cityjson.reader(open(sys.argv[1]))",
        "{'objects': len(result.j['CityObjects'])}",
    ),
    "cityjson-lib: to its own model": (
        "from cityjson_lib import CityModel",
        "CityModel.parse_document_bytes(open(sys.argv[1], 'rb').read())",
        "{'model': 1 if result is not None else 0}",
    ),
}


def written(ending: str) -> tuple[str, str, str]:
    """Return the entry of a writer."""
    size = (
        "sum(f.stat().st_size for f in result.rglob('*') if f.is_file()) if result.is_dir() else result.stat().st_size"
    )
    return (
        _WARM + "city = read_cityjson(sys.argv[1])",
        f"city.write(sys.argv[1] + '.out{ending}')",
        f"{{'MB': round(({size}) / 1e6)}}",
    )


WRITERS = {
    f"urban-twin: {name}": written(ending)
    for name, ending in {
        "CityJSON 2.0": ".city.json",
        "CityJSONSeq": ".city.jsonl",
        "CityGML 3.0": ".gml",
        "GeoPackage": ".gpkg",
        "GeoParquet tables": ".parquet",
    }.items()
}
WRITER_PEERS = {
    "cjio: CityJSON (its model through json)": (
        "from cjio import cityjson\nmodel = cityjson.reader(open(sys.argv[1]))",
        "json.dump(model.j, open(sys.argv[1] + '.peer.json', 'w'), separators=(',', ':'))",
        "{'MB': round(__import__('os').path.getsize(sys.argv[1] + '.peer.json') / 1e6)}",
    ),
}

LAYERS = {
    "urban-twin: every layer of the profile, checked and cleaned": (
        "import twin, twin.city.loading",
        "twin.load(sys.argv[1])",
        "{'buildings': len(result.objects), 'trees': len(result.trees), 'land cover': len(result.land_cover)}",
    ),
}
LAYER_PEERS = {
    "pyogrio: its four shapefiles as they are": (
        "import pyogrio as peer",
        "[peer.read_dataframe(path) for path in sys.argv[2:]]",
        "{'features': sum(map(len, result))}",
    ),
}
