#include <algorithm>
#include <array>
#include <cctype>

#include "kolosal/data/text_value.hpp"
#include "kolosal/profile/cell_keys_internal.hpp"
#include "kolosal/profile/column_summary_internal.hpp"

namespace kolosal::profile {
namespace {

constexpr std::size_t kTextSample = 10'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::size_t n_characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::size_t n_words(std::string_view text) {
  std::size_t out = 0;
  bool in_word = false;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    out += !blank && !in_word;
    in_word = !blank;
  }
  return out;
}

/// One word of letters, digits and _-.:#, as keys are.
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || is_letter(c) || c == '_' || c == '-' || c == '.' || c == ':' || c == '#';
  });
}

/// 31/12/2024, 12-31-24, 31.12.2024, "Dec 31, 2024", "31 December 2024".
bool is_other_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                        "jul", "aug", "sep", "oct", "nov", "dec"};
  std::array<std::size_t, 3> digits{};
  std::size_t part = 0, n_letters = 0;
  std::string word;
  char separator = 0;
  for (const char c : text.substr(0, std::min<std::size_t>(text.size(), 24))) {
    if (is_digit(c)) {
      if (part < 3) ++digits[part];
    } else if (is_letter(c)) {
      ++n_letters;
      if (word.size() < 3) word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if ((c == '/' || c == '-' || c == '.') && n_letters == 0) {
      if (separator && c != separator) return false;
      separator = c;
      ++part;
    } else if (c == ' ' || c == ',' || c == '-') {
      if (part < 2 && digits[part] > 0) ++part;
    } else if (c == ':') {
      break;  // a time after the date
    } else {
      return false;
    }
  }
  const bool has_year = digits[2] == 4 || digits[2] == 2;
  if (n_letters == 0)
    return separator && part >= 2 && digits[0] >= 1 && digits[0] <= 2 && digits[1] >= 1 && digits[1] <= 2 &&
           has_year;
  return n_letters <= 9 && std::ranges::find(kMonths, word) != kMonths.end() && digits[0] >= 1 &&
         digits[0] <= 2 && digits[1] == 4;
}

/// "1,200 EUR", "$5", "12.5%", "3 kg": a number, and beside it a unit or signs for thousands.
bool is_hidden_number(std::string_view text) {
  std::size_t n_numbers = 0, n_letters = 0, n_digits = 0;
  bool in_number = false;
  for (const char c : text) {
    const bool belongs = is_digit(c) || (in_number && (c == '.' || c == ',' || c == '\''));
    n_numbers += is_digit(c) && !in_number;
    n_digits += is_digit(c);
    n_letters += is_letter(c);
    in_number = belongs;
  }
  // One number, and a short unit: "A12" and "5th Avenue" are names.
  return n_numbers == 1 && n_digits > 0 && n_letters <= 4 && !text.empty() && !is_letter(text.front());
}

}  // namespace

bool is_placeholder_text(std::string_view text) {
  constexpr std::array<std::string_view, 22> kWords = {
      "unknown", "unk",     "missing", "not available", "not applicable", "tbd",      "tba", "undefined",
      "nil",     "none",    "no data", "nodata",        "empty",          "blank",    "--",  "---",
      "xxx",     "(blank)", "(none)",  "unspecified",   "not known",      "not given"};
  std::string lower;
  for (const char c : trimmed(text)) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return data::is_missing_text(lower) || std::ranges::find(kWords, lower) != kWords.end();
}

TextSummary summarize_text(const data::Column& column, const std::vector<std::size_t>& level_counts) {
  TextSummary out;
  double n = 0, length = 0, words = 0, numbers = 0, dates = 0, others = 0, hidden = 0, tokens = 0;
  const auto add = [&](std::string_view raw, double weight) {
    const std::string_view text = trimmed(raw);
    const std::size_t characters = n_characters(raw);
    n += weight;
    ++out.n_sampled;
    length += weight * static_cast<double>(characters);
    words += weight * static_cast<double>(n_words(raw));
    out.longest = std::max(out.longest, characters);
    tokens += is_token(text) ? weight : 0;
    const bool is_number = data::parse_float(text).has_value();
    numbers += is_number ? weight : 0;
    if (is_number) return;
    if (out.example_other.empty()) out.example_other = raw.substr(0, 200);
    if (data::parse_timestamp(text))
      dates += weight;
    else if (is_other_date(text))
      others += weight;
    else if (is_hidden_number(text))
      hidden += weight;
  };
  if (column.type() == data::ColumnType::kCategory) {
    const auto& dictionary = *column.dictionary();
    for (std::size_t i = 0; i < level_counts.size() && out.n_sampled < kTextSample; ++i)
      if (level_counts[i] > 0)
        add(dictionary.level(static_cast<std::int32_t>(i)), static_cast<double>(level_counts[i]));
  } else {
    for (const std::uint32_t row : draw_rows(column.size(), kTextSample, 1))
      if (!column.is_missing(row)) add(column.text(row), 1);
  }
  if (n == 0) return out;
  out.mean_length = length / n;
  out.mean_words = words / n;
  out.number_share = numbers / n;
  out.date_share = dates / n;
  out.other_date_share = others / n;
  out.hidden_number_share = hidden / n;
  out.token_share = tokens / n;
  return out;
}

}  // namespace kolosal::profile
