#include "kolosal/profile/wording.hpp"

#include <fmt/format.h>

#include <cmath>

#include "kolosal/data/text_value.hpp"

namespace kolosal::profile {

using data::ColumnType;

bool is_time(ColumnType type) { return type == ColumnType::kDate || type == ColumnType::kTimestamp; }

bool is_string(ColumnType type) { return type == ColumnType::kText || type == ColumnType::kCategory; }

std::string count_text(std::size_t n) {
  std::string out = fmt::format("{}", n);
  for (std::size_t i = out.size(); i > 3;) out.insert(i -= 3, ",");
  return out;
}

std::string share_text(double share) {
  const double percent = 100 * share;
  if (percent <= 0) return "0 %";
  if (percent < 0.1) return "under 0.1 %";
  if (percent > 99.9 && percent < 100) return "over 99.9 %";
  if (percent < 10 || percent > 99) return fmt::format("{:.1f} %", percent);
  return fmt::format("{:.0f} %", percent);
}

std::string number_text(double value) {
  if (std::isnan(value)) return "-";
  const double size = std::abs(value);
  if (size >= 1e4 && size < 1e9)
    return (value < 0 ? "-" : "") + count_text(static_cast<std::size_t>(std::llround(size)));
  if (size != 0 && (size >= 1e9 || size < 1e-4)) return fmt::format("{:.3g}", value);
  return fmt::format("{:.4g}", value + 0.0);
}

std::string exact_text(double value, ColumnType type) {
  if (std::isnan(value)) return "";
  const bool fits = std::abs(value) < 9e18;
  if (type == ColumnType::kBool && (value == 0 || value == 1)) return value == 1 ? "true" : "false";
  if (type == ColumnType::kDate && fits) return data::format_date(static_cast<std::int64_t>(value));
  if (type == ColumnType::kTimestamp && fits) return data::format_timestamp(static_cast<std::int64_t>(value));
  if (type == ColumnType::kInt64 && fits) return data::format_int(static_cast<std::int64_t>(value));
  if (type == ColumnType::kFloat32) return data::format_float(static_cast<float>(value));
  return data::format_float(value);
}

std::string value_text(double value, ColumnType type) {
  if (std::isnan(value)) return "-";
  if (type == ColumnType::kBool && (value == 0 || value == 1)) return value == 1 ? "true" : "false";
  if (!is_time(type)) return number_text(value);
  const auto moment = static_cast<std::int64_t>(value);
  return type == ColumnType::kDate ? data::format_date(moment)
                                   : data::format_timestamp(moment - moment % data::kNanosecondsPerSecond);
}

std::string short_text(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t width = 0, cut_at = 0;
  for (const char c : text) {
    if ((c & 0xC0) != 0x80) {
      if (width + 3 == most) cut_at = out.size();
      if (width == most) return out.substr(0, cut_at) + "...";
      ++width;
    }
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  }
  return out;
}

std::string plural(std::size_t n, std::string_view noun) {
  return fmt::format("{} {}{}", count_text(n), noun, n == 1 ? "" : "s");
}

}  // namespace kolosal::profile
