"""Further formats of a release, one file each, by the names that `publish.formats` knows them by.

An exporter is a class `Exporter(recipe, facts)` that walks through kept samples once:

* `add(sample)` returns the files that a sample alone makes: name to content.
* `finish(table, digests)` returns what is said of all of them, once the table of the release and
  the sha256 of every file before are known.

Whatever it writes says that it is synthetic, in the place where readers of its format look. It
opens no file.
"""
