"""Bytes packed small: zstd with a dictionary of what SageMaker's events look like.

Events are small and much alike, so that with a dictionary they become four times smaller than with zstd alone, and
faster.
A store holds the dictionaries that its rows need, so that it can be read without the program that wrote it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib import resources

import zstandard

LEVEL = 1


def shipped_dictionary() -> tuple[int, bytes]:
    """The dictionary that new stores begin with: its id, and its bytes."""
    data = resources.files("store").joinpath("events.zdict").read_bytes()
    return zstandard.ZstdCompressionDict(data).dict_id(), data


class Packer:
    """Packs and unpacks; several threads may use it."""

    def __init__(self, dictionaries: Mapping[int, bytes], look_up: Callable[[int], bytes]) -> None:
        """Prepare the dictionaries.

        Args:
            dictionaries: Id -> bytes; rows are packed with the one of the highest id.
            look_up: The bytes of a dictionary that is not among these: another version may add one at any time.
        """
        self._dictionaries = {number: _dictionary(data) for number, data in dictionaries.items()}
        self._look_up = look_up
        self._newest = self._dictionaries[max(dictionaries)]
        self._newest.precompute_compress(level=LEVEL)
        self._local = threading.local()

    def pack(self, data: bytes) -> bytes:
        """The bytes, smaller."""
        try:
            compressor = self._local.compressor
        except AttributeError:
            compressor = self._local.compressor = zstandard.ZstdCompressor(level=LEVEL, dict_data=self._newest)
        packed: bytes = compressor.compress(data)
        return packed

    def unpack(self, packed: bytes) -> bytes:
        """What was packed."""
        number = zstandard.get_frame_parameters(packed).dict_id
        try:
            decompressors = self._local.decompressors
        except AttributeError:
            decompressors = self._local.decompressors = {}
        decompressor = decompressors.get(number)
        if decompressor is None:
            if number not in self._dictionaries:
                self._dictionaries[number] = _dictionary(self._look_up(number))
            decompressor = decompressors[number] = zstandard.ZstdDecompressor(dict_data=self._dictionaries[number])
        data: bytes = decompressor.decompress(packed)
        return data


def _dictionary(data: bytes) -> zstandard.ZstdCompressionDict:
    return zstandard.ZstdCompressionDict(data, dict_type=zstandard.DICT_TYPE_FULLDICT)
