"""All that is read while the DAG is drawn: config, tables of cases, and what plug-ins state.

Nothing here imports more than the standard library, yaml and jsonschema, so that a dry run of a
large cohort takes seconds and loads neither numpy nor torch.

* `settings`: the config, checked against its schema with all faults at once.
* `schema`: what the words of that schema mean. `consistency`: settings that contradict each other.
* `cohorts`, `delimited`: a user's table of cases, and the batches that cases travel in.
* `lookups`: what rules are given of it. `digest`: which code made a file.
* `catalogue`: plug-ins by name.
* `weight_files`: weights that a user must bring.
"""
