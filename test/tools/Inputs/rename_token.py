"""usage: rename_token.py FOLDER COPY   copies a llama2.c model whose token 500 has another name"""
import pathlib
import shutil
import struct
import sys

source, copy = map(pathlib.Path, sys.argv[1:])
shutil.copytree(source, copy)
data = bytearray((source / "tokenizer.bin").read_bytes())
at = 4  # the longest token's length, then of each token a score, a length and bytes
for token in range(500):
    at += 8 + struct.unpack_from("<i", data, at + 4)[0]
data[at + 8] = ord("X")
(copy / "tokenizer.bin").write_bytes(data)
