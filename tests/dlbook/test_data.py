"""Data sets: the shapes that are promised, and clear errors from a local server."""

import functools
import gzip
import hashlib
import http.server
import io
import pickle
import socket
import struct
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from dlbook import data
from dlbook.data import DataError

# --- Data sets that need no network


def test_digits():
    images, labels = data.digits()
    assert images.shape == (1797, 1, 8, 8) and images.dtype == torch.float32
    assert images.min() == 0 and images.max() == 1
    assert labels.dtype == torch.int64 and set(labels.tolist()) == set(range(10))


def test_faces_come_first():
    images, labels = data.faces()
    assert images.shape == (200, 1, 25, 25) and images.dtype == torch.float32
    assert images.min() >= 0 and images.max() <= 1
    assert labels.tolist() == [1] * 100 + [0] * 100
    # Faces resemble one another: the background varies more from crop to crop.
    means = images.mean(dim=(1, 2, 3))
    assert means[:100].std() < 0.6 * means[100:].std()


@pytest.mark.parametrize("name", data.photos())
def test_every_photo_loads_without_the_network(name, monkeypatch):
    def no_network(*args):
        raise AssertionError("a bundled photograph asked for the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    gray, color = data.photo(name), data.photo(name, color=True)
    assert gray.shape[0] == 1 and color.shape[0] == 3
    assert gray.shape[1:] == color.shape[1:]
    for image in (gray, color):
        assert image.dtype == torch.float32 and image.is_contiguous()
        assert image.min() >= 0 and 0.5 < image.max() <= 1


def test_photo_sizes():
    assert data.photo("camera", size=(30, 50)).shape == (1, 30, 50)
    assert data.photo("coffee", size=100).shape == (1, 100, 150)
    assert data.photo("coffee", color=True, size=400).shape == (3, 400, 600)


def test_shrinking_a_photo_keeps_its_mean_and_no_alias():
    brick = data.photo("brick")
    small = data.photo("brick", size=64)
    assert abs(brick.mean() - small.mean()) < 0.005
    assert small.std() < brick[:, ::8, ::8].std()


def test_gray_is_the_luminance_of_color():
    gray, color = (
        data.photo("astronaut", size=32),
        data.photo("astronaut", color=True, size=32),
    )
    weights = torch.tensor([0.2125, 0.7154, 0.0721]).view(3, 1, 1)
    torch.testing.assert_close(gray, (weights * color).sum(0, keepdim=True))


@pytest.mark.parametrize("size", [0, -3, 2.5, (1, 2, 3), (0, 5), "big", True])
def test_photo_size_that_makes_no_sense(size):
    with pytest.raises(ValueError, match="size"):
        data.photo("camera", size=size)


def test_unknown_photo_lists_those_there_are():
    with pytest.raises(DataError, match="camera"):
        data.photo("lena")


def test_english_is_plain_prose():
    text = data.english()
    assert len(text) > 200_000
    alphabet = {chr(code) for code in range(32, 127)} - {"`", "$"} | {"\n"}
    assert set(text) <= alphabet
    assert "assert" in text and "::=" not in text and ">>>" not in text
    assert text == data.english()


# --- Downloads, from a server on this machine


def idx(array: np.ndarray) -> bytes:
    """An array in MNIST's file format, gzipped."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


def cifar_archive(rng) -> bytes:
    """An archive laid out as CIFAR-10's, four images a batch."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]:
            pixels = rng.integers(0, 256, (4, 3072), dtype=np.uint8)
            content = pickle.dumps({"data": pixels, "labels": [0, 1, 2, 9]})
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, quietly; can break off half-way."""

    truncate = False
    requests = 0

    def log_message(self, *args):
        pass

    def do_GET(self):
        type(self).requests += 1
        if not self.truncate:
            return super().do_GET()
        content = Path(self.translate_path(self.path)).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: len(content) // 2])
        return None


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Small stand-ins for both sets on loopback, with a cache of their own."""
    rng = np.random.default_rng(0)
    files = {"cifar-10-python.tar.gz": cifar_archive(rng)}
    for part, count in (("train", 6), ("t10k", 3)):
        pixels = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        pixels[0, 0, :2] = (0, 255)
        labels = (np.arange(count) % 10).astype(np.uint8)
        files[f"{part}-images-idx3-ubyte.gz"] = idx(pixels)
        files[f"{part}-labels-idx1-ubyte.gz"] = idx(labels)
    folder = tmp_path / "served"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    handler = type("Handler", (Handler,), {})
    httpd = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(handler, directory=str(folder))
    )
    httpd.folder, httpd.handler = folder, handler
    threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    url = f"http://127.0.0.1:{httpd.server_port}/"
    sources = {
        name: {
            "url": url,
            "files": {
                file: hashlib.sha256(files[file]).hexdigest()
                for file in source["files"]
            },
        }
        for name, source in data.SOURCES.items()
    }
    monkeypatch.setattr(data, "SOURCES", sources)
    monkeypatch.setenv("DLBOOK_DATA", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    httpd.cache = tmp_path / "cache"
    yield httpd
    httpd.shutdown()
    httpd.server_close()


def cached(server) -> list[str]:
    """Names of the files in the cache, hidden and half-written ones too."""
    return sorted(p.name for p in server.cache.rglob("*") if p.is_file())


@pytest.mark.parametrize(("train", "count"), [(True, 6), (False, 3)])
def test_fashion_mnist(train, count, server, capfd):
    images, labels = data.download("fashion_mnist", train=train)
    assert images.shape == (count, 1, 28, 28) and images.dtype == torch.float32
    assert images.min() == 0 and images.max() == 1
    assert labels.tolist() == list(range(count)) and labels.dtype == torch.int64
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


@pytest.mark.parametrize(("train", "count"), [(True, 20), (False, 4)])
def test_cifar10(train, count, server):
    images, labels = data.download("cifar10", train=train)
    assert images.shape == (count, 3, 32, 32) and images.dtype == torch.float32
    assert labels[:4].tolist() == [0, 1, 2, 9] and labels.dtype == torch.int64


def test_a_person_sees_a_progress_bar(server, monkeypatch, capfd):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("TQDM_DISABLE", raising=False)
    monkeypatch.setattr(data.sys.stderr, "isatty", lambda: True, raising=False)
    data.download("cifar10")
    assert "cifar-10" in capfd.readouterr().err


def test_a_second_time_needs_no_server(server):
    first, _ = data.download("fashion_mnist")
    asked = server.handler.requests
    server.shutdown()
    again, _ = data.download("fashion_mnist")
    assert torch.equal(first, again) and server.handler.requests == asked


def test_unknown_set_lists_those_there_are():
    with pytest.raises(DataError, match=r"cifar10.*fashion_mnist"):
        data.download("imagenet")


def test_altered_file_is_refused_and_not_kept(server):
    (server.folder / "cifar-10-python.tar.gz").write_bytes(b"something else")
    with pytest.raises(DataError, match="SHA-256"):
        data.download("cifar10")
    assert cached(server) == []


def test_truncated_file_is_refused_and_not_kept(server):
    server.handler.truncate = True
    with pytest.raises(DataError):
        data.download("cifar10")
    assert cached(server) == []


def test_missing_file_gives_its_status(server):
    (server.folder / "cifar-10-python.tar.gz").unlink()
    with pytest.raises(DataError, match="404"):
        data.download("cifar10")
    assert cached(server) == []


def test_unreachable_server_says_what_to_do(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match="network"):
        data.download("fashion_mnist")
    assert cached(server) == []


def test_damaged_cache_is_replaced(server):
    data.download("cifar10")
    path = server.cache / "cifar10" / "cifar-10-python.tar.gz"
    right = path.read_bytes()
    path.write_bytes(right[: len(right) // 2])
    images, _ = data.download("cifar10")
    assert len(images) == 20 and path.read_bytes() == right


def test_damaged_cache_without_server_is_reported_and_removed(server):
    data.download("cifar10")
    path = server.cache / "cifar10" / "cifar-10-python.tar.gz"
    path.write_bytes(b"half")
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match="network"):
        data.download("cifar10")
    assert cached(server) == []


def test_cache_that_cannot_be_written(server, monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    monkeypatch.setenv("DLBOOK_DATA", str(blocked))
    with pytest.raises(DataError, match="DLBOOK_DATA"):
        data.download("cifar10")


def test_every_source_has_a_sha256_for_each_file():
    for source in data.SOURCES.values():
        assert all(len(digest) == 64 for digest in source["files"].values())
