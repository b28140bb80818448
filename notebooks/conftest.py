"""Makes the package `workbench` importable from the tests, wherever pytest is started."""
