#include "kolosal/io/json_row.hpp"

#include <algorithm>
#include <cstring>
#include <deque>

#include "kolosal/core/error.hpp"
#include "kolosal/data/text_value.hpp"
#include "kolosal/io/formats/json_scanner_internal.hpp"
#include "kolosal/io/plain_json_internal.hpp"

namespace kolosal::io {

struct JsonRowReader::Scratch::Parts {
  std::vector<JsonMember> members;
  std::deque<std::string> unescaped;
  std::vector<std::uint8_t> is_given;
};

JsonRowReader::Scratch::Scratch() : parts_(std::make_unique<Parts>()) {}
JsonRowReader::Scratch::~Scratch() = default;

JsonRowReader::JsonRowReader(const std::vector<data::Field>& fields) {
  for (const data::Field& field : fields) {
    names_.push_back(field.name);
    types_.push_back(field.type);
    readers_.emplace_back(field);
  }
  for (std::size_t i = 0; i < names_.size(); ++i) positions_.emplace(names_[i], i);
  for (const std::string& name : names_) {
    const std::string quoted = name + '"';
    const char* const end = end_of_plain_string(quoted.data(), quoted.data() + quoted.size());
    names_are_plain_ &= end == quoted.data() + name.size();
  }
}

/// Objects mostly come in the order of the fields; n_fields() when there is no such field.
std::size_t JsonRowReader::find(std::string_view name, std::size_t expected) const {
  if (expected < names_.size() && names_[expected] == name) return expected;
  const auto found = positions_.find(name);
  return found == positions_.end() ? names_.size() : found->second;
}

namespace {

data::FieldReader::Read read_value(const data::FieldReader& reader, const Cell& value,
                                   data::RowArena& arena) {
  if (value.absent) return {reader.missing()};
  const std::string_view text = value.text();
  if (value.string) return reader.text(text);
  if (text == "true" || text == "false") return reader.boolean(text == "true", arena);
  if (const auto number = data::parse_float(text)) return reader.number(*number, arena);
  return {reader.missing()};  // NaN
}

}  // namespace

const char* JsonRowReader::read_in_order(std::string_view text, std::span<data::RowCell> cells,
                                         data::RowArena& arena) const {
  if (!names_are_plain_ || names_.empty()) return nullptr;
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto take = [&](char c) {
    p = skip_json_blanks(p, end);
    return p < end && *p++ == c;
  };
  const auto take_word = [&](std::string_view word) {
    if (static_cast<std::size_t>(end - p) < word.size() || std::memcmp(p, word.data(), word.size()) != 0)
      return false;
    p += word.size();
    return true;
  };
  for (std::size_t field = 0; field < names_.size(); ++field) {
    if (!take(field == 0 ? '{' : ',') || !take('"') || !take_word(names_[field]) || p == end || *p++ != '"' ||
        !take(':'))
      return nullptr;
    p = skip_json_blanks(p, end);
    if (p == end) return nullptr;
    data::FieldReader::Read read;
    double number = 0;
    if (*p == '"') {
      const char* const begin = ++p;
      if ((p = end_of_plain_string(p, end)) == nullptr) return nullptr;
      read = readers_[field].text({begin, static_cast<std::size_t>(p++ - begin)});
    } else if (const char* const after = read_plain_number(p, end, number)) {
      p = after;
      read = readers_[field].number(number, arena);
    } else if (take_word("null")) {
      read.cell = readers_[field].missing();
    } else {
      return nullptr;
    }
    if (read.is_unreadable) return nullptr;
    cells[field] = read.cell;
  }
  return take('}') ? p : nullptr;
}

std::string_view JsonRowReader::read(std::string_view text, std::span<data::RowCell> cells,
                                     data::RowArena& arena, Scratch& scratch) const {
  if (const char* const after = read_in_order(text, cells, arena))
    return text.substr(static_cast<std::size_t>(after - text.data()));
  auto& [members, unescaped, is_given] = *scratch.parts_;
  unescaped.clear();
  is_given.assign(n_fields(), 0);
  JsonProblem problem;
  const char* const end = text.data() + text.size();
  const char* const rest = read_json_object(text.data(), end, members, unescaped, problem);
  if (rest == nullptr)
    throw Error(ErrorCode::kData, "no JSON object: {} (byte {})", problem.reason,
                problem.where - text.data() + 1);
  std::size_t expected = 0;
  for (const JsonMember& member : members) {
    const std::size_t field = find(member.key, expected);
    if (field == n_fields()) continue;
    const auto read = read_value(readers_[field], member.value, arena);
    if (read.is_unreadable)
      throw Error(ErrorCode::kData, "\"{}\" is {} in training, which \"{}\" can not be read as",
                  names_[field], data::type_name(types_[field]), member.value.text());
    cells[field] = read.cell;
    is_given[field] = 1;
    expected = field + 1;
  }
  const auto absent = std::ranges::find(is_given, 0);
  if (absent != is_given.end())
    throw Error(ErrorCode::kData, "\"{}\" is absent; give null where the value is not known",
                names_[static_cast<std::size_t>(absent - is_given.begin())]);
  return {rest, static_cast<std::size_t>(end - rest)};
}

}  // namespace kolosal::io
