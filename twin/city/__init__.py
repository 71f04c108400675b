"""The city: loaders, the model of tables, gaps, the grid and the rasteriser."""
