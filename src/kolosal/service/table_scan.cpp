#include "kolosal/service/table_scan.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/core/read_ahead.hpp"
#include "kolosal/io/category_rule.hpp"

namespace kolosal::service {
namespace {

using data::ColumnType;

bool is_string(ColumnType type) { return type == ColumnType::kText || type == ColumnType::kCategory; }

void add_to(data::Field& sum, const data::Field& part) {
  sum.n_missing += part.n_missing;
  sum.minimum = std::fmin(sum.minimum, part.minimum);  // the other one when one is NaN
  sum.maximum = std::fmax(sum.maximum, part.maximum);
}

}  // namespace

TableScan scan_table(const std::filesystem::path& path, const io::ReadOptions& read,
                     const std::string& target, const Context& context) {
  TableScan out;
  std::map<std::string, io::CategoryRule> strings;
  if (!target.empty()) out.target.emplace(target);
  const auto stream = io::open_table_stream(path, read, context);
  const auto add = [&](const data::Frame& batch) {
    if (context.should_stop())
      throw Error(ErrorCode::kInterrupted, "stopped after {} rows; nothing was written", out.n_rows);
    const data::Schema part = data::Schema::of(batch);
    for (std::size_t c = 0; c < batch.n_columns(); ++c)
      if (out.n_rows > 0) add_to(out.schema.fields()[c], part.fields()[c]);
    if (out.n_rows == 0) out.schema = part;
    for (std::size_t c = 0; c < batch.n_columns(); ++c)
      if (is_string(batch.column(c).type())) strings[batch.name(c)].add(batch.column(c));
    if (out.target) out.target->add(named_column(batch, target, "target", path));
    out.n_rows += batch.n_rows();
  };
  read_ahead(context, [&] { return stream->next(); }, add);
  for (data::Field& field : out.schema.fields()) {
    if (!is_string(field.type)) continue;
    field.dictionary = strings.at(field.name).levels();
    field.type = field.dictionary ? ColumnType::kCategory : ColumnType::kText;
  }
  out.notes = stream->report().notes;
  return out;
}

const data::Column& named_column(const data::Frame& table, const std::string& name, const char* option,
                                 const std::filesystem::path& path) {
  if (const auto at = table.find(name)) return table.column(*at);
  const std::string near = nearest_name(name, table.names());
  throw Error(ErrorCode::kData, "{} has no column \"{}\", which --{} or the recipe names{}", path.string(),
              name, option, near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
}

std::size_t estimated_table_bytes(const std::filesystem::path& path) {
  if (!std::filesystem::is_regular_file(path)) return 0;
  const auto size = static_cast<std::size_t>(std::filesystem::file_size(path));
  // Text takes about as much as columns; compressed text and Parquet are four times smaller, give or take.
  const auto extension = path.extension();
  const bool compressed = extension == ".gz" || extension == ".zst" || extension == ".parquet";
  return compressed ? 4 * size : size;
}

}  // namespace kolosal::service
