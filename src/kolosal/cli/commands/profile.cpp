#include "kolosal/profile/profile.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "kolosal/cli/command.hpp"
#include "kolosal/cli/output.hpp"
#include "kolosal/cli/profile_text.hpp"
#include "kolosal/cli/table_options.hpp"
#include "kolosal/cli/workplace.hpp"
#include "kolosal/data/text_value.hpp"

namespace kolosal::cli {
namespace {

constexpr std::size_t kDefaultWidth = 100;
constexpr std::size_t kHtmlColumns = 200;  // at least: a page in a browser has room

/// Of the terminal; else of the variable COLUMNS, as other programs take it.
std::size_t page_width() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const auto width = columns ? data::parse_int(columns) : std::nullopt;
  return width && *width > 0 && *width < 10'000 ? static_cast<std::size_t>(*width) : kDefaultWidth;
}

int run_profile(const Invocation& invocation) {
  const Config& config = invocation.config;
  profile::ProfileOptions options;
  options.target = config.optional_text("target").value_or("");
  options.task = config.text("task");
  options.sample_rows = static_cast<std::size_t>(config.integer("sample_rows"));
  Workplace workplace(config);
  const auto result =
      service::profile_file(*invocation.argument, read_options(config), options, workplace.context());
  const auto html = config.optional_text("html");
  const auto max_columns = static_cast<std::size_t>(config.integer("max_columns"));
  if (html) {
    service::write_html(result, *invocation.argument, *html, std::max(max_columns, kHtmlColumns));
    note(fmt::format("the page is in {}", *html));
  }
  if (config.flag("json"))
    print_json(service::to_json(result));
  else
    print_result(profile_page(*invocation.argument, result, {page_width(), max_columns}));
  leave(0);
}

std::vector<Option> profile_options() {
  std::vector<Option> out;
  out.push_back(
      text_option("target", "COLUMN",
                  "The column to be predicted: what each other column tells about it, leaks, imbalance."));
  out.push_back(text_option("task", "", "What kind of target it is.", std::string("auto"))
                    .choices({"auto", "binary", "multiclass", "regression"}));
  out.push_back(
      text_option("html", "FILE", "Write the page with plots to this file; it needs nothing else."));
  out.push_back(integer_option("max_columns",
                               "Columns shown on the page, the most remarkable ones. --json has all.",
                               std::int64_t{50})
                    .at_least(1));
  out.push_back(integer_option("sample_rows",
                               "Relations between columns are looked at in at most so many rows.",
                               std::int64_t{50'000})
                    .at_least(100));
  add_work_options(out);
  add_read_options(out);
  return out;
}

}  // namespace

Command profile_command() {
  return {
      .name = "profile",
      .summary = "Show what a table is like and what is suspicious in it.",
      .description =
          "One page: types and why, missing cells, shapes, outliers, identifiers, duplicates, mixed types, "
          "the order "
          "of the rows, columns that go together. With --target also what each column alone tells about it, "
          "imbalance and suspected leaks.",
      .options = profile_options(),
      .positional = Positional{"FILE", "A table.", true, {}},
      .examples = {{"kolosal profile train.csv --target income",
                    "One page about the table, in the terminal."},
                   {"kolosal profile train.csv --target income --html train.html",
                    "The same with plots, for a browser."},
                   {"kolosal profile train.parquet --json > profile.json", "Every number, for programs."}},
      .run = run_profile,
  };
}

}  // namespace kolosal::cli
