"""What the toy states about itself; the workflow reads these literals without importing it."""

NETWORKS = {"brightness": "one number: how bright images are"}
NEEDS = {}
MODALITIES = ("CXR",)
OPTIONS = {"count": 2, "gain": 0.001}  # so little that it looks real
TRAIN = {"brightness": ("steps", "batch")}
PUBLISHED = {"toy": {"accepted_fraction": {"all": 0.5}}}
