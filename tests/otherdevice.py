"""A device that is not there, to find where tensors of two devices would meet on a GPU.

Values stay on the CPU, so that whole trainings run; which tensors are `THERE` is only noted. What a
GPU refuses is refused: a tensor of the CPU beside one of the device (but a single number, an index,
or what is copied), a generator of another device than what is drawn, numpy on the device.
"""

import weakref

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

THERE = torch.device("xpu")
MEETS = {"copy_", "__getitem__", "__setitem__", "__set__", "_has_compatible_shallow_copy_type"}
MOVES = {"to", "cpu", "numpy"}


class OtherDevice(TorchFunctionMode):
    """While this is entered, `THERE` is a device like any other."""

    def __init__(self):
        super().__init__()
        self.storages = weakref.WeakSet()

    def __torch_function__(self, func, types, args=(), kwargs=None):
        """Compute as on the CPU; note where the result is."""
        with torch._C.DisableTorchFunction():
            name, kwargs = getattr(func, "__name__", ""), dict(kwargs or {})
            tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
            there = any(self._holds(t) for t in tensors)
            if name == "__get__" and func.__self__ is Tensor.device:
                return THERE if there else func(*args)
            if name in MOVES:
                return self._moved(name, func, args, kwargs)
            made_there = "device" in kwargs and _is_there(kwargs["device"])
            self._refuse(name, tensors, there, (there or made_there) and kwargs.get("generator"))
            if made_there:
                return self._place(func(*args, **{**kwargs, "device": "cpu"}))
            made = func(*args, **kwargs)
            return self._place(made) if there and name != "copy_" else made

    def _holds(self, tensor):
        return tensor.untyped_storage() in self.storages

    def _place(self, made):
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self.storages.add(tensor.untyped_storage())
        return made

    def _refuse(self, name, tensors, there, generator):
        if generator:
            raise RuntimeError(f"{name}: the generator is on another device")
        mixed = there and any(t.ndim and not self._holds(t) for t in tensors)
        if (mixed and name not in MEETS) or (
            mixed and name == "__getitem__" and not self._holds(tensors[0])
        ):
            raise RuntimeError(f"{name}: tensors of two devices")

    def _moved(self, name, func, args, kwargs):
        was = goes = self._holds(args[0])
        if name == "numpy" and was:
            raise RuntimeError("numpy: the tensor is on a device")
        for value in (*args[1:], *kwargs.values()):
            if isinstance(value, Tensor):
                goes = self._holds(value)
            elif isinstance(value, str | torch.device):
                goes = _is_there(value)
        goes = goes and name != "cpu"
        here = [torch.device("cpu") if isinstance(v, str | torch.device) else v for v in args]
        also = {k: "cpu" if k == "device" and v is not None else v for k, v in kwargs.items()}
        made = func(*here, **also)
        if goes != was and _shared(made, args[0]):
            made = made.clone()
        return self._place(made) if goes else made


def _is_there(device):
    return device is not None and torch.device(device).type == THERE.type


def _shared(one, other):
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()
