"""The work of the twin: scenario files, runs, results and indicators."""
