"""A package, and not only a folder: so the browser, a fixture of its scope, ends with the last test in here."""
