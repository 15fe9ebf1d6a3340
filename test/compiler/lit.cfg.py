# Tests of the IR: `lathe-opt` on small modules, and what `lathe` prints of code, read with FileCheck.
import glob
import os
import shutil

import lit.formats

config.name = "lathe-ir"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.join(config.lathe_source, "test", "compiler")
config.test_exec_root = os.path.join(config.lathe_binary, "test", "compiler", "lit")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.lathe_binary, "bin"), config.llvm_bin, os.environ["PATH"]]
)
for variable in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if variable in os.environ:
        config.environment[variable] = os.environ[variable]

config.substitutions.append(("%data", os.path.join(config.lathe_source, "test", "data")))
wheel = os.path.join(config.lathe_source, ".venv/lib/python3*/site-packages/nvidia/cu13/bin/ptxas")  # tools/setup.sh
if glob.glob(wheel) or shutil.which("ptxas"):
    config.available_features.add("ptxas")
for variable in ("HOME", "XDG_CACHE_HOME"):
    if variable in os.environ:
        config.environment[variable] = os.environ[variable]
