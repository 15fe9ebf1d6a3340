#include "compiler/spec/TextProto.h"
#include "compiler/support/Error.h"
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>

namespace lathe {

namespace {
/// Keeps the first error.
class FirstError : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string &text) override {
    if (message.empty()) {
      at = line;
      message = text;
    }
  }
  int at = -1; ///< from 0; -1 when no line is to blame
  std::string message;
};
} // namespace

llvm::Error parseTextProto(llvm::StringRef text, llvm::StringRef file, google::protobuf::Message &message) {
  constexpr int maxNesting = 32;
  FirstError errors;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.SetRecursionLimit(maxNesting);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (parser.Parse(&stream, &message))
    return llvm::Error::success();
  const std::string what = printable(llvm::StringRef(errors.message).rtrim('.'), 300);
  if (errors.at < 0)
    return makeError("{0}: {1}", file, what);
  return makeError("{0}:{1}: {2}", file, errors.at + 1, what);
}

std::string printTextProto(const google::protobuf::Message &message) {
  std::string text;
  google::protobuf::TextFormat::PrintToString(message, &text);
  return text;
}

llvm::StringRef declaredMessage(llvm::StringRef text) {
  while (text.consume_front("#")) {
    auto [line, rest] = text.split('\n');
    if (line.ltrim().consume_front("proto-message:"))
      return line.split(':').second.trim();
    text = rest;
  }
  return "";
}

} // namespace lathe
