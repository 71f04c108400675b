"""Physics on arrays: heat, water and mobility, and the vocabulary of layers they share.

The packages below know no city, no file and no server: xarray or numpy in, xarray or numpy out.
"""
