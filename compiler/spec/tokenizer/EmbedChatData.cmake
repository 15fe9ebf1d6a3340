# cmake -DOUT=ChatData.cpp "-DFILES=a.json|b.json" -P EmbedChatData.cmake: the files as ChatData.h declares them.
string(REPLACE "|" ";" FILES "${FILES}")
set(entries "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  file(READ ${file} text)
  string(APPEND entries "    {\"models/chat/${name}\", R\"json(${text})json\"},\n")
endforeach()
file(WRITE ${OUT} "// Made from models/chat/*.json by EmbedChatData.cmake.
#include \"compiler/spec/tokenizer/ChatData.h\"

namespace lathe {
static constexpr ChatDataFile files[] = {
${entries}};
llvm::ArrayRef<ChatDataFile> chatDataFiles() { return files; }
} // namespace lathe
")
