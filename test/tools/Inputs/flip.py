"""usage: flip.py FILE BYTE   flips the lowest bit of one byte (negative: from the end)"""
import sys

data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[2])] ^= 1
open(sys.argv[1], "wb").write(data)
