#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "kolosal/io/cell_internal.hpp"

namespace kolosal::io {

/// A member of a JSON object. Numbers, true and false are their text; strings are unescaped; null is absent;
/// objects and arrays are their JSON text.
struct JsonMember {
  std::string_view key;
  Cell value;
};

/// Where and why a text is no JSON.
struct JsonProblem {
  const char* where = nullptr;  ///< Null: none.
  const char* reason = "";
};

/// Reads the object that starts at p (blanks before it are skipped). Returns the byte after it, or null with
/// `problem` set. Keys and unescaped strings may live in `unescaped`.
const char* read_json_object(const char* p, const char* end, std::vector<JsonMember>& members,
                             std::deque<std::string>& unescaped, JsonProblem& problem);

/// Skips blanks and line ends.
inline const char* skip_json_blanks(const char* p, const char* end) {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) ++p;
  return p;
}

}  // namespace kolosal::io
