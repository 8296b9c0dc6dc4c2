"""What is measured, as plain functions by family; nothing here knows of files, recipes or tasks.

* `overlap`: how two masks agree.
* `detection`: how well scores separate diseased from healthy, by image and by pixel.
* `statistics`: intervals and paired differences, with patients as the unit.

A metric returns NaN where it is not defined (an empty mask, one class only), never 0 or 1.
"""
