"""usage: nmse.py GOT TENSOR WANT TENSOR LIMIT   exit 1 when shapes differ or sum (got-want)^2 / sum want^2 > LIMIT"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "tools" / "golden"))
from conformance import nmse, tensors  # noqa: E402

got, got_shape = tensors(sys.argv[1], sys.argv[2].__eq__)[sys.argv[2]]
want, want_shape = tensors(sys.argv[3], sys.argv[4].__eq__)[sys.argv[4]]
error = nmse(got, want) if got_shape == want_shape else None
print(f"shapes {got_shape} {want_shape}, NMSE {error}")
sys.exit(0 if error is not None and error <= float(sys.argv[5]) else 1)
