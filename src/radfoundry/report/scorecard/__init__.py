"""Every headline number as one row: from the tables of the stages to `scorecard.tsv`.

* `card`: what a row is. `formatting`: numbers for people. `published`: what papers report.
* `stages`: rows of cohorts, filter and cost. `prompts`, `shapes`, `volumes`, `probes`: rows of
  synthesis.
"""
