"""Networks sealed as a bundle: a folder or a .zip of it, each file checked by its sha256.

Only files that the manifest names are read, and nothing is unpacked to disk. Tensors come from
safetensors alone: no code lies in a bundle, and none is run.
"""

import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from radfoundry import weights
from radfoundry.volume import write_bytes
from radfoundry.weights import Weights, WeightsError

FORMAT, VERSION = "radfoundry-bundle", 1
MANIFEST, NETWORKS, TOLD = "manifest.json", "networks/", "bundle.json"
SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", re.ASCII)
A_BUNDLE = "a folder or .zip that `radfoundry bundle` wrote"
EPOCH = (1980, 1, 1, 0, 0, 0)  # of every file of a zip: equal files give equal bytes


class BundleError(WeightsError):
    """A bundle, or what is asked of one, cannot be used; the message says why and what can."""


def networks(files: Mapping[str, bytes], where: str) -> dict[str, Weights]:
    """Return the networks among a bundle's files by name.

    Raises:
        BundleError: A network lacks a file.
    """
    names = sorted({name.split("/")[1] for name in files if name.startswith(NETWORKS)})
    return {name: _network(files, name, where) for name in names}


def begun(paths: Sequence[str], network: str) -> dict[str, Weights]:
    """Return the network that a training goes on from, by its name; {} if it starts anew.

    Args:
        paths: As `settings.start_files` lists them: a bundle's .zip or a folder's manifest counts.
        network: The one that is trained.

    Raises:
        BundleError: The bundle cannot be read, or holds no such network.
    """
    for path in map(Path, paths):
        if path.name == MANIFEST or path.suffix == ".zip":
            bundle = path.parent if path.name == MANIFEST else path
            files, sha256 = read(bundle)
            found = networks(files, str(path))
            if network not in found:
                there = ", ".join(found) or "none"
                raise BundleError(f"train.start: {path}: no network {network!r}; it has {there}")
            origin = {"bundle": bundle.stem, "bundle_sha256": sha256}
            return {network: Weights(found[network].state, {**found[network].card, **origin})}
    return {}


def sealed(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return files with the manifest that names them all, in order of their names."""
    digests = {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)}
    text = json.dumps({"format": FORMAT, "version": VERSION, "files": digests}, indent=1)
    return {name: files[name] for name in sorted(files)} | {MANIFEST: f"{text}\n".encode()}


def write(files: Mapping[str, bytes], folder: str | Path) -> None:
    """Store what `sealed` returned in a folder, the manifest last, and as a .zip beside it."""
    for name, content in files.items():
        write_bytes(content, Path(folder) / name)
    write_bytes(zipped(files), Path(folder).with_name(f"{Path(folder).name}.zip"))


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files as a .zip; equal files give equal bytes, so weights are stored as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, EPOCH), files[name])
    return buffer.getvalue()


def read(path: str | Path) -> tuple[dict[str, bytes], str]:
    """Return a bundle's files by name after checking each, and the sha256 of its manifest.

    Raises:
        BundleError: It is no bundle, or a file is missing or not the one that was written.
    """
    path = Path(path)
    if path.is_dir():
        return _checked(lambda name: (path / name).read_bytes(), path)
    if not path.is_file():
        raise BundleError(f"{path}: there is no such file or folder; allowed: {A_BUNDLE}")
    try:
        with zipfile.ZipFile(path) as archive:
            top = _top(archive)
            return _checked(lambda name: archive.read(f"{top}{name}"), path)
    except zipfile.BadZipFile as error:
        raise BundleError(f"{path}: no whole .zip ({error}); allowed: {A_BUNDLE}") from None


def _top(archive: zipfile.ZipFile) -> str:
    """Return the folder that a zip's files lie in: "", or one that a desktop put around them."""
    around = {name.removesuffix(MANIFEST) for name in archive.namelist() if name.endswith(MANIFEST)}
    return min((top for top in around if top.count("/") <= 1), key=len, default="")


def _checked(fetch: Callable[[str], bytes], path: Path) -> tuple[dict[str, bytes], str]:
    try:
        content = fetch(MANIFEST)
    except (FileNotFoundError, KeyError):
        raise BundleError(f"{path}: {MANIFEST} is missing; allowed: {A_BUNDLE}") from None
    files = {}
    for name, digest in _named(content, path).items():
        try:
            files[name] = fetch(name)
        except (FileNotFoundError, KeyError):
            raise BundleError(f"{path}: {name} is missing: the bundle is not whole") from None
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise BundleError(f"{path}: {name} is not the file of the manifest (sha256 differs)")
    return files, hashlib.sha256(content).hexdigest()


def _named(content: bytes, path: Path) -> dict[str, str]:
    """Return the files of a manifest with their sha256."""
    try:
        manifest: Any = json.loads(content)
        named = manifest["files"]
        found = (manifest["format"], manifest["version"])
    except (ValueError, KeyError, TypeError):
        raise BundleError(f"{path}: {MANIFEST} is none of a bundle; allowed: {A_BUNDLE}") from None
    if found != (FORMAT, VERSION):
        raise BundleError(f"{path}: is a {found[0]} {found[1]}; read here: {FORMAT} {VERSION}")
    if wrong := [name for name in named if not SAFE_NAME.fullmatch(name)]:
        raise BundleError(f"{path}: {MANIFEST} names {wrong[0]!r}, which could leave the folder")
    if TOLD not in named:
        raise BundleError(f"{path}: {MANIFEST} names no {TOLD}; allowed: {A_BUNDLE}")
    return named


def _network(files: Mapping[str, bytes], name: str, where: str) -> Weights:
    try:
        parts = {
            part: files[f"{NETWORKS}{name}/{part}"] for part in (weights.TENSORS, weights.CARD)
        }
    except KeyError as error:
        raise BundleError(f"{where}: {error.args[0]} is missing: the bundle is not whole") from None
    return weights.unpacked(parts, f"{where}: {name}")
