//===- TextProto.h - messages as text -----------------------------------------------------------------*- C++ -*-===//
#ifndef LATHE_COMPILER_SPEC_TEXTPROTO_H
#define LATHE_COMPILER_SPEC_TEXTPROTO_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <google/protobuf/message.h>

namespace lathe {

/// Fills `message` from a textproto. Errors: "FILE:LINE: what is wrong"; an unknown field or enum value is one.
llvm::Error parseTextProto(llvm::StringRef text, llvm::StringRef file, google::protobuf::Message &message);

/// The canonical text: fields in the order of their numbers, defaults left out, map keys sorted.
std::string printTextProto(const google::protobuf::Message &message);

/// The message type that a textproto's head comment names ("# proto-message: lathe.spec.Family"), or "".
llvm::StringRef declaredMessage(llvm::StringRef text);

} // namespace lathe

#endif
