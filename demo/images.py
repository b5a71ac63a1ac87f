"""The image cache: painted once, kept on disk, named by what the picture is made of."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from PIL import Image, ImageOps

from demo.catalogue import Catalogue, Work
from demo.iiif import Size

Progress = Callable[[int, int], None]
"""Called with images done and images in all."""

THUMB_SIDE = 320

CONTENT_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
    "tif": "image/tiff",
    "tiff": "image/tiff",
}


def write_atomically(path: Path, data: bytes) -> None:
    """Either the whole file is there or none of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise


def thumbnail(data: bytes) -> bytes:
    """A small JPEG of any image that Pillow reads, upright and on white."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (THUMB_SIDE, THUMB_SIDE))
        upright = ImageOps.exif_transpose(image)
        if "A" in upright.getbands() or "transparency" in upright.info:
            layered = upright.convert("RGBA")
            upright = Image.new("RGB", layered.size, "white")
            upright.paste(layered, mask=layered.getchannel("A"))
        small = upright.convert("RGB")
        small.thumbnail((THUMB_SIDE, THUMB_SIDE))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=80)
        return out.getvalue()


def scaled(data: bytes, size: Size) -> bytes:
    """A JPEG of exactly this size; the same every time with the same version of Pillow."""
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        out = io.BytesIO()
        small.save(out, "JPEG", quality=88, subsampling=0)
        return out.getvalue()


def _paint_into(folder: Path, work: Work, index: int) -> None:
    """Paint one image and its thumbnail into the cache; runs in a worker process too."""
    # The painters load OpenCV, which a server with a warm cache never needs.
    from demo.painters import paint

    path, small = _places(folder, work, index)
    if not path.exists():
        write_atomically(path, paint(work, index))
    if not small.exists():
        write_atomically(small, thumbnail(path.read_bytes()))


def _places(folder: Path, work: Work, index: int) -> tuple[Path, Path]:
    from demo.painters import fingerprint

    name = fingerprint(work, index)
    stem = folder / name[:2] / name
    return stem.with_suffix(f".{work.images[index].format}"), stem.with_suffix(".thumb.jpg")


@dataclass
class ImageCache:
    """Painted images below a folder. Safe to share between processes: files appear whole."""

    folder: Path
    _locks: dict[Path, threading.Lock] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _digests: dict[Path, str] = field(default_factory=dict)

    def path(self, work: Work, index: int = 0) -> Path:
        """The file of an image, painted now if it is not there yet."""
        return self._present(work, index)[0]

    def thumb_path(self, work: Work, index: int = 0) -> Path:
        """The file of a thumbnail."""
        return self._present(work, index)[1]

    def sized_path(self, work: Work, index: int, size: Size) -> Path:
        """The file of an image scaled to a size, as JPEG; made now if it is not there yet."""
        path = self.path(work, index)
        small = path.with_suffix(f".{size.width}x{size.height}.jpg")
        if not small.exists():
            write_atomically(small, scaled(path.read_bytes(), size))
        return small

    def digest(self, work: Work, index: int = 0, size: Size | None = None) -> str:
        """The sha256 of an image's bytes, as painted or scaled."""
        path = self.sized_path(work, index, size) if size else self.path(work, index)
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._digests[path]

    def prepare(
        self, catalogue: Catalogue, progress: Progress | None = None, workers: int | None = None
    ) -> int:
        """Paint what is missing with one process per core; returns how many images there are."""
        tasks = list(_unpainted(self.folder, catalogue))
        total = sum(1 for work in catalogue.works for _ in work.images)
        done = total - len(tasks)
        if progress:
            progress(done, total)
        if not tasks:
            return total
        # Forking a process that may hold threads is not safe, hence spawn.
        pool = ProcessPoolExecutor(workers or os.cpu_count(), mp_context=get_context("spawn"))
        with pool:
            running = [pool.submit(_paint_into, self.folder, work, index) for work, index in tasks]
            try:
                for finished in as_completed(running):
                    finished.result()
                    done += 1
                    if progress:
                        progress(done, total)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return total

    def _present(self, work: Work, index: int) -> tuple[Path, Path]:
        path, small = _places(self.folder, work, index)
        if not (path.exists() and small.exists()):
            with self._guard:
                lock = self._locks.setdefault(path, threading.Lock())
            with lock:
                _paint_into(self.folder, work, index)
        return path, small


def _unpainted(folder: Path, catalogue: Catalogue) -> Iterator[tuple[Work, int]]:
    seen: set[Path] = set()
    for work in catalogue.works:
        for image in work.images:
            path, small = _places(folder, work, image.index)
            # Works that share their bytes share the file.
            if path not in seen and not (path.exists() and small.exists()):
                yield work, image.index
            seen.add(path)
