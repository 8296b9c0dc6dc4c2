"""List every weight file that a segmenter needs; stop in seconds where one is missing."""

import pandas as pd
from _job import start

from radfoundry import tables
from radfoundry.config import weight_files

job = start(snakemake)
method = job.params.method

weight_files.check({"pseudolabel": {job.wildcards.method: method}})
files = pd.DataFrame(weight_files.inventory(method))
altered = files.loc[files["status"] == "changed", "file"].tolist()
if altered:
    raise ValueError(f"not the files that their names or the config promise (sha256): {altered}")
tables.write(files, job.output.table, "weights")
