# Tests of the IR: `lathe-opt` on small modules, read with FileCheck.
import os

import lit.formats

config.name = "lathe-ir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.join(config.lathe_source, "test", "compiler")
config.test_exec_root = os.path.join(config.lathe_binary, "test", "compiler", "lit")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.lathe_binary, "bin"), config.llvm_bin, os.environ["PATH"]]
)
for variable in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if variable in os.environ:
        config.environment[variable] = os.environ[variable]
