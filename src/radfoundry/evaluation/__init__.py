"""What drawn images are worth: measured on patients that no generator saw, with n and intervals.

* `metrics`: plain functions of arrays and tables.
* `realism`: distances to real images. `synthesis`: whether images follow their prompts and labels.
* `privacy`: whether images copy those learned from, and what such a look would have found.
* `reader_study`: what people can tell; `readers` are networks.
* `tasks`: downstream models trained on real and drawn cases, one file or folder each.
"""
