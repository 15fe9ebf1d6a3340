# cmake -DFILES="models/a.textproto;..." -DHEADER=models/Embedded.h -DFUNCTION=embeddedFamilies -DOUTPUT=a.cpp -P Embed.cmake
# Writes the definition of FUNCTION, which HEADER declares: the files' text as C++.
set(code "#include \"${HEADER}\"\n\nstatic const lathe::EmbeddedFile files[] = {\n")
foreach(file IN LISTS FILES)
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" escaped "${hex}")
  # Short literals side by side: one long line is hard on compilers.
  string(REGEX REPLACE "(((\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?)(\\\\x[0-9a-f][0-9a-f])(\\\\x[0-9a-f][0-9a-f])?(\\\\x[0-9a-f][0-9a-f])?)" "\"\\1\"\n" lines "${escaped}")
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(APPEND code "{\"${file}\", {${lines}\"\", ${size}}},\n")
endforeach()
string(APPEND code "{}};\n\nstd::span<const lathe::EmbeddedFile> lathe::${FUNCTION}() { return {files, std::size(files) - 1}; }\n")
file(WRITE ${OUTPUT} "${code}")
