# The command line's tests: `lathe` on tiny models of test/data. %data is that folder, %bundles holds bundles that
# several tests share (made once, by the first that needs one: see Inputs/bundle.sh).
import os
import shutil

import lit.formats

config.name = "lathe"
config.test_format = lit.formats.ShTest(execute_external=True)
config.suffixes = [".test"]
config.excludes = ["Inputs"]
config.test_source_root = os.path.join(config.lathe_source, "test", "tools")
config.test_exec_root = os.path.join(config.lathe_binary, "test", "tools", "lit")

config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.lathe_binary, "bin"), config.llvm_bin, os.environ["PATH"]]
)
config.environment["LATHE_TEST_BUNDLES"] = os.path.join(config.test_exec_root, "bundles")
for variable in ("HOME", "XDG_CACHE_HOME", "ASAN_OPTIONS"):
    if variable in os.environ:
        config.environment[variable] = os.environ[variable]

if shutil.disk_usage(config.lathe_binary).free < 3e12:
    config.available_features.add("disk-below-3tb")
if shutil.which("chromium"):  # apt-get install chromium: a quarter of all other packages' size, so not a must
    config.available_features.add("chromium")

config.substitutions.append(("%data", os.path.join(config.lathe_source, "test", "data")))
config.substitutions.append(("%models", os.path.join(config.lathe_source, "models")))
config.substitutions.append(("%tools", os.path.join(config.lathe_source, "test", "tools")))
config.substitutions.append(("%bundle", os.path.join(config.lathe_source, "test", "tools", "Inputs", "bundle.sh")))
config.substitutions.append(("%oneline", os.path.join(config.lathe_source, "test", "tools", "Inputs", "oneline.sh")))
# A driver that interprets PTX, for LATHE_CUDA_DRIVER (test/cuda).
config.substitutions.append(("%cudasim", os.path.join(config.lathe_binary, "lib", "libcuda-sim.so")))
config.substitutions.append(("%nmse", "python3 " + os.path.join(config.lathe_source, "test", "tools", "Inputs", "nmse.py")))
