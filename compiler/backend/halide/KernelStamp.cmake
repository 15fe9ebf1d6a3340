# Writes OUTPUT with a hash of the files in SOURCES (separated by |) and of Halide's and LLVM's versions: what, beside
# a kernel's description, decides its code.
string(REPLACE "|" ";" files "${SOURCES}")
set(hashes "")
foreach(file ${files})
  file(SHA256 ${file} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 stamp "${hashes}")
file(WRITE ${OUTPUT} "#define LATHE_KERNEL_STAMP \"sources ${stamp} halide ${HALIDE} llvm ${LLVM}\"\n")
