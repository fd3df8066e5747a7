#include "kolosal/service/table_profile.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "kolosal/core/error.hpp"
#include "kolosal/core/hash.hpp"

namespace kolosal::service {
namespace {

using data::Column;
using data::ColumnType;

constexpr std::uint64_t kMissingHash = 0x9E3779B97F4A7C15ULL;

bool is_string(ColumnType type) { return type == ColumnType::kText || type == ColumnType::kCategory; }

/// A number per cell; equal cells have equal numbers, and different ones almost certainly different numbers.
std::vector<std::uint64_t> cell_hashes(const Column& column) {
  std::vector<std::uint64_t> out(column.size(), kMissingHash), levels;
  if (column.type() == ColumnType::kCategory)
    for (const std::string& level : column.dictionary()->levels())
      levels.push_back(hash_bytes(level.data(), level.size(), 0));
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (column.is_missing(i)) continue;
    if (column.type() == ColumnType::kText) {
      const std::string_view text = column.text(i);
      out[i] = hash_bytes(text.data(), text.size(), 0);
    } else if (column.type() == ColumnType::kCategory) {
      out[i] = levels[static_cast<std::size_t>(column.codes()[i])];
    } else {
      const double value = column.number(i) + 0.0;  // -0 becomes 0
      out[i] = hash_bytes(&value, sizeof value, 0);
    }
  }
  return out;
}

void add_range(const Column& column, ColumnProfile& out) {
  if (is_string(column.type()) || column.type() == ColumnType::kBool) return;
  std::optional<std::size_t> low, high;
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (column.is_missing(i)) continue;
    if (!low || column.number(i) < column.number(*low)) low = i;
    if (!high || column.number(i) > column.number(*high)) high = i;
  }
  if (low) out.minimum = column.cell_text(*low);
  if (high) out.maximum = column.cell_text(*high);
}

void add_most_frequent(const Column& column, const std::vector<std::uint64_t>& hashes, ColumnProfile& out) {
  if (!is_string(column.type()) && column.type() != ColumnType::kBool) return;
  std::unordered_map<std::uint64_t, std::pair<std::size_t, std::size_t>> counts;  // -> count, first row
  for (std::size_t i = 0; i < column.size(); ++i)
    if (!column.is_missing(i)) ++counts.try_emplace(hashes[i], 0, i).first->second.first;
  std::pair<std::size_t, std::size_t> best{1, 0};
  for (const auto& [hash, entry] : counts)
    if (entry.first > best.first ||
        (entry.first == best.first && best.first > 1 && entry.second < best.second))
      best = entry;
  if (best.first > 1) out.most_frequent = column.cell_text(best.second);
}

/// Text columns most of whose cells are numbers: a stray word makes text of a number column.
std::string mixed_finding(const Column& column) {
  if (!is_string(column.type())) return "";
  std::size_t n_numbers = 0, n_present = 0;
  std::string other;
  for (std::size_t i = 0; i < column.size(); ++i) {
    if (column.is_missing(i)) continue;
    ++n_present;
    const std::string text = column.cell_text(i);
    const bool has_digit = text.find_first_of("0123456789") != std::string::npos;
    if (has_digit && text.find_first_not_of("0123456789+-.,eE ") == std::string::npos)
      ++n_numbers;
    else if (other.empty())
      other = text;
  }
  if (other.empty() || n_numbers * 2 < n_present) return "";
  if (other.size() > 40) other = other.substr(0, 40) + "...";
  return fmt::format(
      "numbers mixed with texts such as \"{}\"; force the type with --types or name the text in "
      "--missing-tokens",
      other);
}

void add_findings(const Column& column, ColumnProfile& out) {
  const std::size_t n_present = column.size() - out.n_missing;
  if (column.size() > 0 && n_present == 0) {
    out.findings.emplace_back("all cells are missing");
    return;
  }
  if (out.n_distinct == 1 && column.size() > 1)
    out.findings.emplace_back(out.n_missing == 0 ? "constant" : "one value or missing");
  const bool can_be_id = column.type() == ColumnType::kInt64 || is_string(column.type());
  if (n_present >= 20 && can_be_id && out.n_distinct == n_present)
    out.findings.emplace_back("every cell differs: an identifier?");
  else if (n_present >= 20 && is_string(column.type()) && out.n_distinct * 10 >= n_present * 9)
    out.findings.emplace_back("nearly every cell differs: free text or an identifier?");
  if (out.n_missing * 2 > column.size()) out.findings.emplace_back("more than half of the cells are missing");
  if (std::string mixed = mixed_finding(column); !mixed.empty()) out.findings.push_back(std::move(mixed));
}

}  // namespace

TableProfile profile_table(const data::Frame& table, const io::ReadReport& read, const Context& context) {
  TableProfile out;
  out.read = read;
  out.n_rows = table.n_rows();
  out.n_bytes = table.n_bytes();
  out.columns.resize(table.n_columns());
  std::vector<std::uint64_t> row_hashes(table.n_rows(), 0);
  std::unordered_map<std::uint64_t, std::string> columns_by_content;
  for (std::size_t c = 0; c < table.n_columns(); ++c) {
    if (context.should_stop()) throw Error(ErrorCode::kInterrupted, "stopped");
    const Column& column = table.column(c);
    ColumnProfile& profile = out.columns[c];
    profile.name = table.name(c);
    profile.type = column.type();
    for (const io::ColumnReport& reported : read.columns)
      if (reported.name == profile.name) profile.reason = reported.reason;
    profile.n_missing = column.n_missing();
    const auto hashes = cell_hashes(column);
    std::unordered_set<std::uint64_t> distinct;
    for (std::size_t i = 0; i < hashes.size(); ++i) {
      if (!column.is_missing(i)) distinct.insert(hashes[i]);
      row_hashes[i] = hash_bytes(&hashes[i], sizeof hashes[i], row_hashes[i]);
    }
    profile.n_distinct = distinct.size();
    add_range(column, profile);
    add_most_frequent(column, hashes, profile);
    add_findings(column, profile);
    const std::uint64_t content = hash_bytes(hashes.data(), hashes.size() * sizeof hashes[0],
                                             static_cast<std::uint64_t>(column.type()));
    const auto [earlier, is_new] = columns_by_content.try_emplace(content, profile.name);
    if (!is_new && profile.n_missing < column.size())
      profile.findings.push_back(fmt::format("the same as \"{}\"", earlier->second));
  }
  std::unordered_set<std::uint64_t> rows;
  for (const std::uint64_t hash : row_hashes)
    if (!rows.insert(hash).second) ++out.n_repeated_rows;
  return out;
}

TableProfile profile_file(const std::filesystem::path& path, const io::ReadOptions& options,
                          const Context& context) {
  io::ReadReport read;
  const data::Frame table = io::read_table(path, options, context, &read);
  return profile_table(table, read, context);
}

nlohmann::json to_json(const TableProfile& profile) {
  nlohmann::json out = {{"rows", profile.n_rows},
                        {"format", profile.read.format},
                        {"compression", profile.read.compression},
                        {"encoding", profile.read.encoding},
                        {"bytes_in_memory", profile.n_bytes},
                        {"repeated_rows", profile.n_repeated_rows},
                        {"skipped_rows", profile.read.n_skipped_rows},
                        {"notes", profile.read.notes}};
  if (profile.read.delimiter) out["delimiter"] = std::string(1, profile.read.delimiter);
  auto& columns = out["columns"] = nlohmann::json::array();
  for (const ColumnProfile& column : profile.columns) {
    nlohmann::json item = {{"name", column.name},           {"type", data::type_name(column.type)},
                           {"reason", column.reason},       {"missing", column.n_missing},
                           {"distinct", column.n_distinct}, {"findings", column.findings}};
    if (!column.minimum.empty()) item["minimum"] = column.minimum;
    if (!column.maximum.empty()) item["maximum"] = column.maximum;
    if (!column.most_frequent.empty()) item["most_frequent"] = column.most_frequent;
    columns.push_back(std::move(item));
  }
  return out;
}

}  // namespace kolosal::service
