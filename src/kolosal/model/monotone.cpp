#include "kolosal/model/monotone.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"

namespace kolosal::model {
namespace {

std::vector<std::string> entries_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    out.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::vector<MonotoneColumn> monotone_columns(const std::vector<std::string>& entries) {
  std::vector<MonotoneColumn> out;
  for (const std::string& entry : entries) {
    const std::size_t n = entry.size();
    if (n < 3 || entry[n - 2] != '=' || (entry[n - 1] != '+' && entry[n - 1] != '-'))
      throw Error(ErrorCode::kInvalidParameter,
                  "monotone: \"{}\" is not a column and a direction, as age=+ or price=-", entry);
    MonotoneColumn column{entry.substr(0, n - 2), entry[n - 1] == '+' ? 1 : -1};
    if (std::ranges::find(out, column.name, &MonotoneColumn::name) != out.end())
      throw Error(ErrorCode::kInvalidParameter, "monotone: column \"{}\" is named twice", column.name);
    out.push_back(std::move(column));
  }
  return out;
}

std::string monotone_text(const std::vector<MonotoneColumn>& columns) {
  std::string out;
  for (const MonotoneColumn& column : columns)
    out += fmt::format("{}{}={}", out.empty() ? "" : ",", column.name, column.direction > 0 ? '+' : '-');
  return out;
}

std::vector<int> monotone_directions(const std::string& learner, const std::string& text,
                                     const data::Frame& x, data::Task task) {
  if (text.empty()) return {};
  if (task == data::Task::kMulticlass)
    throw Error(ErrorCode::kInvalidParameter,
                "{}: monotone is for two classes and for numbers; of more classes none is up", learner);
  std::vector<int> out(x.n_columns());
  for (const MonotoneColumn& wanted : monotone_columns(entries_of(text))) {
    const auto at = x.find(wanted.name);
    if (!at) {
      const std::string near = nearest_name(wanted.name, x.names());
      throw Error(ErrorCode::kInvalidParameter,
                  "{}: monotone names a column \"{}\" that the table does not have{}", learner, wanted.name,
                  near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
    }
    const data::ColumnType type = x.column(*at).type();
    if (type == data::ColumnType::kCategory || type == data::ColumnType::kText)
      throw Error(ErrorCode::kInvalidParameter,
                  "{}: monotone names the column \"{}\" of type {}, whose values have no order", learner,
                  wanted.name, data::type_name(type));
    out[*at] = wanted.direction;
  }
  return out;
}

}  // namespace kolosal::model
