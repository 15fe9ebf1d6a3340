"""usage: damage.py FOLDER OUT TENSOR INDEX VALUE   copies a Hugging Face folder; element INDEX ("5,7", or "all") of TENSOR becomes VALUE"""
import json
import pathlib
import shutil
import struct
import sys

source, out, name, index, value = sys.argv[1:]
out = pathlib.Path(out)
shutil.rmtree(out, ignore_errors=True)
out.mkdir(parents=True)
for file in pathlib.Path(source).iterdir():
    if file.is_file():
        shutil.copyfile(file, out / file.name)
data = bytearray((out / "model.safetensors").read_bytes())
(size,) = struct.unpack_from("<Q", data)
entry = json.loads(data[8 : 8 + size])[name]
width = {"F32": 4, "F16": 2, "BF16": 2}[entry["dtype"]]
bits = struct.pack("<e", float(value)) if entry["dtype"] == "F16" else struct.pack("<f", float(value))[4 - width :]
begin, end = (8 + size + offset for offset in entry["data_offsets"])
if index != "all":
    at = 0
    for i, extent in zip(map(int, index.split(",")), entry["shape"], strict=True):
        assert i < extent
        at = at * extent + i
    begin, end = begin + at * width, begin + (at + 1) * width
data[begin:end] = bits * ((end - begin) // width)
(out / "model.safetensors").write_bytes(data)
