"""usage: tensor.py FILE TENSOR BEGIN END   elements of a safetensors tensor (row-major), on one line"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "tools" / "golden"))
from conformance import tensors  # noqa: E402

print(*tensors(sys.argv[1], sys.argv[2].__eq__)[sys.argv[2]][0][int(sys.argv[3]) : int(sys.argv[4])])
