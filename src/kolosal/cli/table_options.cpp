#include "kolosal/cli/table_options.hpp"

#include <algorithm>

#include "kolosal/core/error.hpp"
#include "kolosal/core/param.hpp"
#include "kolosal/data/column.hpp"

namespace kolosal::cli {
namespace {

const std::vector<std::string> kFormats = {"csv", "jsonl", "parquet", "arrow"};
const std::vector<std::string> kTypes = {"bool", "int", "float", "category", "text", "date", "timestamp"};

/// One character, or the name of one that is hard to type.
char delimiter_of(const std::string& option, const std::string& text) {
  constexpr std::pair<std::string_view, char> kNames[] = {{"comma", ','}, {"semicolon", ';'}, {"tab", '\t'},
                                                          {"\\t", '\t'},  {"pipe", '|'},      {"space", ' '},
                                                          {"colon", ':'}};
  for (const auto& [name, c] : kNames)
    if (text == name) return c;
  if (text.size() == 1) return text[0];
  throw Error(ErrorCode::kInvalidParameter,
              "{} must be one character or one of comma, semicolon, tab, pipe, space and colon, not \"{}\"",
              flag_name(option), text);
}

std::map<std::string, std::string> forced_types(const std::vector<std::string>& items) {
  std::map<std::string, std::string> out;
  for (const std::string& item : items) {
    const auto equals = item.rfind('=');
    if (equals == std::string::npos || equals == 0)
      throw Error(ErrorCode::kInvalidParameter,
                  "--types takes COLUMN=TYPE, as in --types age=float,zip=category, not \"{}\"", item);
    const std::string type = item.substr(equals + 1);
    if (std::ranges::find(kTypes, type) == kTypes.end()) {
      const std::string near = nearest_name(type, kTypes);
      throw Error(ErrorCode::kInvalidParameter, "--types: \"{}\" is not a column type; there are {}{}", type,
                  fmt::join(kTypes, ", "), near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near));
    }
    out[item.substr(0, equals)] = type;
  }
  return out;
}

}  // namespace

void add_read_options(std::vector<Option>& options) {
  options.push_back(text_option("input_format", "", "Format of the input. Default: by its content and name.")
                        .choices(kFormats));
  options.push_back(list_option(
      "types", "COLUMN=TYPE,...",
      "Column types to force, instead of inferring them: bool, int, float, category, text, date or "
      "timestamp; the column * stands for all others."));
  options.push_back(
      text_option("delimiter", "CHAR",
                  "CSV: what separates cells. Default: chosen among comma, semicolon, tab and pipe."));
  options.push_back(text_option("decimal", "", "CSV: the decimal sign. Default: inferred.")
                        .choices({"point", "comma", ".", ","}));
  options.push_back(text_option("encoding", "", "Encoding of a text file.", std::string("utf-8"))
                        .choices({"utf-8", "latin-1"}));
  options.push_back(list_option("missing_tokens", "TEXT,...",
                                "Cells that mean \"no value\" besides empty ones, instead of NA, N/A, null, "
                                "?, #N/A, NaN and the like."));
  options.push_back(text_option("on_bad_rows", "",
                                "Rows with a wrong number of cells: stop, or leave them out.",
                                std::string("error"))
                        .choices({"error", "skip"}));
  options.push_back(
      text_option("header", "", "CSV: whether the first line holds the column names.", std::string("auto"))
          .choices({"auto", "yes", "no"}));
  options.push_back(
      flag_option("no_header", "CSV: the first line holds data; columns are called column_1, column_2, ..."));
}

io::ReadOptions read_options(const Config& config) {
  io::ReadOptions out;
  out.format = config.optional_text("input_format");
  out.types = forced_types(config.list("types"));
  if (const auto text = config.optional_text("delimiter")) out.delimiter = delimiter_of("delimiter", *text);
  if (const auto text = config.optional_text("decimal"))
    out.decimal = *text == "comma" || *text == "," ? ',' : '.';
  out.encoding = config.text("encoding");
  if (config.is_set("missing_tokens")) {
    out.missing_tokens = config.list("missing_tokens");
    out.missing_tokens.emplace_back();
  }
  if (config.text("on_bad_rows") == "skip") out.on_bad_rows = io::OnBadRows::kSkip;
  if (config.text("header") != "auto") out.header = config.text("header") == "yes";
  if (config.flag("no_header")) out.header = false;
  return out;
}

void add_batch_options(std::vector<Option>& options) {
  options.push_back(integer_option("batch_rows",
                                   "At most so many rows at a time. 0: about 16 MB of the file.",
                                   std::int64_t{0})
                        .at_least(0));
}

void add_write_options(std::vector<Option>& options) {
  options.push_back(
      text_option("output_format", "", "Format of the output. Default: by the name of the file, or csv.")
          .choices(kFormats));
  options.push_back(
      text_option("output_delimiter", "CHAR",
                  "CSV: what separates cells in the output. Default: a comma, or a tab for .tsv."));
}

io::WriteOptions write_options(const Config& config) {
  io::WriteOptions out;
  out.format = config.optional_text("output_format");
  if (const auto text = config.optional_text("output_delimiter"))
    out.delimiter = delimiter_of("output_delimiter", *text);
  return out;
}

}  // namespace kolosal::cli
