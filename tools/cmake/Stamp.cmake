# Writes OUTPUT, which defines MACRO as a hash of the files in SOURCES (separated by |) and VERSIONS: what, beside a kernel's
# description, decides its code.
string(REPLACE "|" ";" files "${SOURCES}")
set(hashes "")
foreach(file ${files})
  file(SHA256 ${file} hash)
  string(APPEND hashes ${hash})
endforeach()
string(SHA256 stamp "${hashes}")
file(WRITE ${OUTPUT} "#define ${MACRO} \"sources ${stamp} ${VERSIONS}\"\n")
