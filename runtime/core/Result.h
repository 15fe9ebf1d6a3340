//===- Result.h - a value or an error -------------------------------------------------------------------*- C++ -*-===//
//
// What the runtime's functions return instead of throwing. An error is one line for a person: it names the file, field
// or argument, what is wrong with it, and what would be right.
//
//   Result<int> parse(std::string_view text) {
//     if (text.empty())
//       return error("empty number");
//     return 42;
//   }
//   Result<int> value = parse(text);
//   if (!value)
//     return value.takeError();
//   use(*value);
//
//===--------------------------------------------------------------------------------------------------------------===//
#ifndef LATHE_RUNTIME_CORE_RESULT_H
#define LATHE_RUNTIME_CORE_RESULT_H

#include <cassert>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>

namespace lathe {

/// Why something failed.
class [[nodiscard]] Error {
public:
  explicit Error(std::string message) : text(std::move(message)) {}
  const std::string &message() const { return text; }

private:
  std::string text;
};

/// An error whose message is the parts after one another: error("row ", row, ": no such token").
template <typename... Parts> Error error(const Parts &...parts) {
  std::ostringstream out;
  (out << ... << parts);
  return Error(std::move(out).str());
}

/// A T or an Error. T may be move-only. Reading the side that is not there is a mistake of the caller (asserted).
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state(std::in_place_index<1>, std::move(error)) {}
  /// From anything that converts to T (a derived pointer, a string literal).
  template <typename U>
    requires(std::is_convertible_v<U &&, T> && !std::is_same_v<std::remove_cvref_t<U>, T> &&
             !std::is_same_v<std::remove_cvref_t<U>, Error> && !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U &&value) : state(std::in_place_index<0>, std::forward<U>(value)) {}

  bool ok() const { return state.index() == 0; }
  explicit operator bool() const { return ok(); }

  T &operator*() & { return value(); }
  const T &operator*() const & { return value(); }
  T &&operator*() && { return std::move(value()); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }
  /// The value, moved out.
  T take() { return std::move(value()); }

  const std::string &message() const { return failure().message(); }
  const Error &failure() const {
    assert(!ok() && "no error to read");
    return *std::get_if<1>(&state);
  }
  /// The error, moved out, to hand on as another Result.
  Error takeError() {
    assert(!ok() && "no error to take");
    return std::move(*std::get_if<1>(&state));
  }

private:
  T &value() {
    assert(ok() && "read the value of a failed result");
    return *std::get_if<0>(&state);
  }
  const T &value() const { return const_cast<Result *>(this)->value(); }

  std::variant<T, Error> state;
};

/// Success or an Error. Success costs nothing: no allocation.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : state(std::move(error)) {}

  bool ok() const { return !state; }
  explicit operator bool() const { return ok(); }
  const std::string &message() const { return failure().message(); }
  const Error &failure() const {
    assert(state && "no error to read");
    return *state;
  }
  Error takeError() {
    assert(state && "no error to take");
    return std::move(*state);
  }

private:
  std::optional<Error> state;
};

} // namespace lathe

#endif
